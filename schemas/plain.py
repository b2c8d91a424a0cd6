"""What plain values are, the ones that JSON and YAML have: `isinstance(value, dict)` says nothing of what is inside."""

from typing import TypeGuard


def is_mapping(value: object) -> TypeGuard[dict[str, object]]:
    """Say whether `value` is a mapping of names to plain values."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Say whether `value` is a list of plain values."""
    return isinstance(value, list)
