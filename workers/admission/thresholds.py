"""Thresholds of budgets as amounts."""

from fractions import Fraction


def threshold_amount(limit: int, threshold: float) -> int:
    """Return the smallest amount that is at least so large a part of a limit; 0.1 means a tenth, not its float."""
    return -int(-(Fraction(str(threshold)) * limit) // 1)
