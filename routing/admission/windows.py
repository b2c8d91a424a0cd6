"""The calendar window that a moment lies in: pure, exact to the microsecond, aware of time zones.

The windows of one kind in one zone follow each other without a gap and without overlap. A day begins at its first
midnight, so that a day on which clocks are changed has 23 or 25 hours. An hour is an hour after the one before it,
counted from the day's beginning; where clocks are changed by half an hour the day's last hour is as much shorter.
"""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_DAY: Final = dt.timedelta(days=1)
_HOUR_US: Final = 3_600_000_000
#: From the year 9999 on there is one last window: the calendar of the standard library ends there.
_LAST_US: Final = 253_370_764_800_000_000


class Per(enum.StrEnum):
    """How long a window is."""

    HOUR = "hour"
    DAY = "day"
    #: From Monday.
    WEEK = "week"
    MONTH = "month"
    #: For ever.
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start_us` until before `end_us`, unix microseconds."""

    start_us: int
    #: None: it has no end.
    end_us: int | None

    def holds(self, at_us: int) -> bool:
        """Say whether a moment lies in it."""
        return self.start_us <= at_us and (self.end_us is None or at_us < self.end_us)


#: The one window of a total.
EVER: Final = Window(0, None)


def window_of(at_us: int, per: Per, zone: ZoneInfo) -> Window:
    """Return the window of a moment; `at_us` is unix microseconds, from 0."""
    if per is Per.TOTAL:
        return EVER
    if at_us >= _LAST_US:
        return Window(_LAST_US, None)
    if per is Per.HOUR:
        return _hour(at_us, window_of(at_us, Per.DAY, zone))
    first = _first_day(_local_day(at_us, zone), per)
    # Where clocks are set back over midnight, one day's name returns after the next day has begun.
    while at_us < _midnight(first, zone):
        first = _first_day(first - _DAY, per)
    following = _next_first(first, per)
    while at_us >= _midnight(following, zone):
        first, following = following, _next_first(following, per)
    return Window(_midnight(first, zone), min(_midnight(following, zone), _LAST_US))


def _hour(at_us: int, day: Window) -> Window:
    start = at_us - (at_us - day.start_us) % _HOUR_US
    end = start + _HOUR_US
    return Window(start, end if day.end_us is None else min(end, day.end_us))


def _local_day(at_us: int, zone: ZoneInfo) -> dt.date:
    return (_EPOCH + dt.timedelta(microseconds=at_us)).astimezone(zone).date()


def _first_day(day: dt.date, per: Per) -> dt.date:
    if per is Per.WEEK:
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1) if per is Per.MONTH else day


def _next_first(first: dt.date, per: Per) -> dt.date:
    if per is Per.WEEK:
        return first + 7 * _DAY
    return (first + 31 * _DAY).replace(day=1) if per is Per.MONTH else first + _DAY


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    """Return when a day begins; where clocks skip midnight, when they skip it."""
    return (dt.datetime(day.year, day.month, day.day, tzinfo=zone) - _EPOCH) // _MICROSECOND


class Almanac:
    """Remembers the last window of each kind and zone, because moments come in their order, nearly."""

    def __init__(self) -> None:
        self._last: dict[tuple[Per, str], Window] = {}
        self._zones: dict[str, ZoneInfo] = {}

    def window(self, at_us: int, per: Per, zone: str) -> Window:
        """Return the window of a moment; `zone` is a name such as `Europe/Berlin`, known to be one."""
        last = self._last.get((per, zone))
        if last is None or not last.holds(at_us):
            last = self._last[per, zone] = window_of(at_us, per, self._zone(zone))
        return last

    def _zone(self, name: str) -> ZoneInfo:
        zone = self._zones.get(name)
        if zone is None:
            zone = self._zones[name] = ZoneInfo(name)
        return zone
