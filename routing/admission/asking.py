"""Who asks, as limits and budgets know it, and what happens to him when a budget is spent."""

from collections.abc import Iterable

from ...schemas.request import Request
from ..access.rules import KeyRules
from ..target import Target
from .rules import AtLimit, BudgetRule
from .step import AtLimit as Policy
from .step import Fallback
from .subject import Subject


def subject_of(request: Request, key: KeyRules, target: Target) -> Subject:
    """Return who asks for what, and who would be called."""
    return Subject(
        request.key,
        key.workspace,
        key.org,
        request.end_user,
        request.model,
        target.id,
        target.provider,
        request.metadata,
    )


def policies_of(budgets: Iterable[BudgetRule], *, may_fall_back: bool) -> dict[str, Policy]:
    """Return what is done about each budget that is not simply waited for."""
    policies: dict[str, Policy] = {}
    for budget in budgets:
        if budget.at_limit is AtLimit.REFUSE:
            policies[budget.name] = False
        elif budget.at_limit is AtLimit.FALLBACK and budget.fallback is not None and may_fall_back:
            policies[budget.name] = Fallback(budget.fallback)
    return policies
