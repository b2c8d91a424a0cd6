"""What attempts came to for the books: how they ended, what they used and what that costs; pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...routing.outcome import Completion, Twin
from ...routing.prices import can_price
from ...routing.providers.fan_out import total
from ...routing.service_tiers import Bill, bill
from ...routing.target import Target
from ...routing.twins import estimated_calls
from ...schemas.failures import CATALOGUE, Code
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ...schemas.usage import Outcome
from .job import Attempt

_NO_TOKENS: Final = Tokens()
_FREE: Final = Bill(0, "")


class Spent(msgspec.Struct, frozen=True, gc=False):
    """How something ended for the books, the tokens it used, and what they cost."""

    outcome: Outcome
    tokens: Tokens
    bill: Bill


def spent(attempt: Attempt) -> Spent:
    """Return what an attempt came to: by the provider's figures, or by an estimate. Equal calls are billed each."""
    result, target = attempt.result, attempt.target
    if not result.twins:
        outcome, tokens = _used(attempt, result.tokens, None if isinstance(result, Completion) else result.failure.code)
        if tokens is None:
            return estimated(attempt.job.request, target, target.tier)
        return _spent(outcome, tokens, target, result.tier if isinstance(result, Completion) else None)
    parts = [_spent_by(attempt, twin) for twin in result.twins]
    outcomes = {part.outcome for part in parts}
    alike = len(outcomes) == 1 and (isinstance(result, Completion) or Outcome.FAILED in outcomes)
    outcome = outcomes.pop() if alike else Outcome.UNCERTAIN
    return Spent(outcome, total([part.tokens for part in parts]), _together([part.bill for part in parts]))


def _spent_by(attempt: Attempt, twin: Twin) -> Spent:
    """Return what one of an attempt's equal calls came to."""
    outcome, tokens = _used(attempt, twin.tokens, twin.code)
    if tokens is None:
        tokens, _ = estimated_calls(attempt.job.request, attempt.target)
    return _spent(outcome, tokens, attempt.target, twin.tier)


def _spent(outcome: Outcome, tokens: Tokens, target: Target, served: str | None) -> Spent:
    """Return what a call came to. One that failed costs nothing, not even what is charged for each request."""
    paid = _cost(target, tokens, target.tier, served)
    return Spent(outcome, tokens, Bill(0, paid.version) if outcome is Outcome.FAILED else paid)


def _used(attempt: Attempt, said: Tokens | None, code: Code | None) -> tuple[Outcome, Tokens | None]:
    """Return how a call ended for the books, and what it used; None: nobody says. `code`: why there is no answer."""
    if code is None:
        if said is not None and can_price(attempt.target.price, said):
            return Outcome.SUCCEEDED, said
        return Outcome.UNCERTAIN, None  # answered, and not said for how much
    if said is not None and said != _NO_TOKENS and can_price(attempt.target.price, said):
        return Outcome.UNCERTAIN, said  # no answer, and billed for so much all the same
    return (Outcome.UNCERTAIN, None) if CATALOGUE[code].may_be_billed else (Outcome.FAILED, _NO_TOKENS)


def estimated(request: Request, target: Target, asked: str | None) -> Spent:
    """Return what an attempt is taken to have used of which nobody says it."""
    tokens, twins = estimated_calls(request, target)
    paid = _cost(target, tokens, asked, None)
    if twins > 1:
        tokens, paid = total([tokens] * twins), _together([paid] * twins)
    return Spent(Outcome.UNCERTAIN, tokens, paid)


def _together(bills: Sequence[Bill]) -> Bill:
    """Return the sum of what several calls cost, each at the price of its own service tier."""
    return Bill(sum(bill.nano for bill in bills), "; ".join(dict.fromkeys(bill.version for bill in bills)))


def _cost(target: Target, tokens: Tokens, asked: str | None, served: str | None) -> Bill:
    """Return what tokens cost on a service tier; nothing at a deployment without a price, which the config allows."""
    return _FREE if target.price is None else bill(target.price, tokens, asked, served)
