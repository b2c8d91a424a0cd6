"""Times on the command line, for whatever looks back."""

import datetime as dt

from pydantic_core import PydanticCustomError

from ...schemas.config_values import seconds

EXPECTED = "a day or a time like 2026-11-22 or 2026-11-22T18:00:00Z, or a duration like 7d"


def moment_of(text: str, now: dt.datetime) -> dt.datetime | None:
    """Return a day or a time, UTC unless it has a zone, or so long before `now`; None for what is neither."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return _ago(text, now)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _ago(text: str, now: dt.datetime) -> dt.datetime | None:
    try:
        ago = seconds(text)
        return now - dt.timedelta(seconds=ago) if isinstance(ago, float) else None
    except (PydanticCustomError, OverflowError):
        return None
