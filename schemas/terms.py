"""A request's terms: until when it is of use, and what it may cost. Pure."""

import datetime as dt
import re
from decimal import Decimal
from typing import Final

from .failures import Code, Failure, failure
from .money import NANO_PER_USD

_MS: Final = 1000
_TEN_YEARS: Final = 10 * 365 * 86_400
_MOST_USD: Final = 1_000_000
_USD: Final = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?")


def invalid(expected: str, given: str) -> Failure:
    """Return why a request is rejected that does not say what it should."""
    return failure(Code.INVALID_REQUEST, expected=expected, given=given)


def absolute_ms(given: float | str | None, start_ms: int, default_ms: int) -> int | Failure:
    """Return a deadline, unix milliseconds: seconds count from the arrival, so a redelivery does not extend them."""
    if given is None:
        return start_ms + default_ms
    try:
        seconds = float(given)
    except ValueError:
        return _moment_ms(str(given))
    if not 0 < seconds < _TEN_YEARS:
        return invalid("deadline: seconds, more than 0 and less than ten years", str(given))
    return start_ms + round(seconds * _MS)


def _moment_ms(given: str) -> int | Failure:
    try:
        moment = dt.datetime.fromisoformat(given)
    except ValueError:
        return invalid("deadline: seconds, or a time like 2026-11-22T18:00:00Z", given)
    if moment.tzinfo is None:
        return invalid("deadline: a time with its zone, like 2026-11-22T18:00:00Z", given)
    return round(moment.timestamp() * _MS)


def nano(given: float | str) -> int | Failure:
    """Return dollars as nano-dollars, rounded down: it is a most."""
    text = str(given)
    usd = Decimal(text) if isinstance(given, float) or _USD.fullmatch(text) else None
    if usd is None or not usd.is_finite() or not 1 <= usd * NANO_PER_USD <= _MOST_USD * NANO_PER_USD:
        expected = f"max_cost: US dollars, at least 0.000000001 and at most {_MOST_USD}, such as 0.05"
        return invalid(expected, text)
    return int(usd * NANO_PER_USD)
