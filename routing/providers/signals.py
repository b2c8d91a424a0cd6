"""What response headers ask of a client: how long to wait, whether to try again at all.

Sources: RFC 9110 §10.2.3 (`Retry-After`: seconds or a date); `retry-after-ms` and `x-should-retry` as OpenAI's and
Anthropic's SDKs read them.
"""

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Return seconds to wait, None if nothing (or nothing sensible) was said."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = _number(headers.get(name))
        if said is not None:
            return said * unit
    return _until(headers.get("retry-after") or "", now or _date(headers))


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return the provider's own word, None if it gave none."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _date(headers: Mapping[str, str]) -> dt.datetime | None:
    """Count from the response's own Date, so that clocks need not agree."""
    return _moment(headers.get("date", ""))


def _until(text: str, now: dt.datetime | None) -> float | None:
    moment = _moment(text)
    if moment is None or now is None:
        return None
    return max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
