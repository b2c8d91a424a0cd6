"""Calendar windows, held to the standard library's arithmetic of dates."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.routing.admission.windows import EVER, Almanac, Per, Window, window_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)
_HOUR = 3_600_000_000
_ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",  # until 2011 clocks were changed at 00:01
    "America/Sao_Paulo",  # until 2019 midnight was skipped
    "America/Havana",  # midnight is skipped, and comes twice
    "Australia/Lord_Howe",  # half an hour of summer
    "Pacific/Apia",  # 2011-12-30 was left out
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
]
_MOMENTS = st.integers(0, 4_102_444_800_000_000)
_CALENDAR = st.sampled_from([Per.DAY, Per.WEEK, Per.MONTH])


def _us(text, zone="UTC"):
    return (dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - _EPOCH) // _US


def _local(at_us, zone):
    return (_EPOCH + at_us * _US).astimezone(ZoneInfo(zone))


def _days(window):
    return (window.end_us - window.start_us) / (24 * _HOUR)


@given(at=_MOMENTS, per=st.sampled_from(Per), zone=st.sampled_from(_ZONES))
@example(at=_us("2006-10-29T02:45"), per=Per.DAY, zone="America/St_Johns")
def test_a_moment_lies_in_its_window_and_all_moments_of_a_window_have_the_same(at, per, zone):
    window = window_of(at, per, ZoneInfo(zone))
    assert window.holds(at)
    last = at if window.end_us is None else window.end_us - 1
    assert window_of(max(0, window.start_us), per, ZoneInfo(zone)) == window_of(last, per, ZoneInfo(zone)) == window


@given(at=_MOMENTS, per=st.sampled_from([Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH]), zone=st.sampled_from(_ZONES))
def test_windows_follow_each_other_without_a_gap(at, per, zone):
    window = window_of(at, per, ZoneInfo(zone))
    assert window_of(window.end_us, per, ZoneInfo(zone)).start_us == window.end_us


@given(at=_MOMENTS, per=_CALENDAR, zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_where_no_midnight_is_touched_windows_are_between_midnights_of_the_local_calendar(at, per, zone):
    window = window_of(at, per, ZoneInfo(zone))
    start, end, moment = (_local(each, zone) for each in (window.start_us, window.end_us, at))
    assert (start.time(), end.time()) == (dt.time(0), dt.time(0))
    if per is Per.DAY:
        assert start.date() == moment.date()
        assert end.date() - start.date() == dt.timedelta(days=1)
    if per is Per.WEEK:
        assert start.weekday() == end.weekday() == 0
        assert end.date() - start.date() == dt.timedelta(days=7)
    if per is Per.MONTH:
        assert (start.year, start.month, start.day) == (moment.year, moment.month, 1)
        assert end.day == 1
        assert (end.month - start.month) % 12 == 1


@given(at=_MOMENTS, zone=st.sampled_from(_ZONES))
def test_an_hour_is_no_longer_than_one_and_lies_in_its_day(at, zone):
    day, hour = (window_of(at, per, ZoneInfo(zone)) for per in (Per.DAY, Per.HOUR))
    assert day.start_us <= hour.start_us < hour.end_us <= day.end_us
    assert (hour.start_us - day.start_us) % _HOUR == 0
    assert hour.end_us == day.end_us or hour.end_us - hour.start_us == _HOUR


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29T12:00", "Europe/Berlin", 23),
        ("2026-10-25T12:00", "Europe/Berlin", 25),
        ("2026-11-22T12:00", "Europe/Berlin", 24),
        ("2026-04-05T12:00", "Australia/Lord_Howe", 24.5),
        ("2011-12-29T12:00", "Pacific/Apia", 24),
        ("2018-11-04T12:00", "America/Sao_Paulo", 23),
    ],
)
def test_days_on_which_clocks_are_changed_are_shorter_or_longer(day, zone, hours):
    window = window_of(_us(day, zone), Per.DAY, ZoneInfo(zone))
    assert window.end_us - window.start_us == hours * _HOUR


def test_the_hour_that_comes_twice_is_two_windows():
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (window_of(_us(f"2026-10-25T0{utc}:30"), Per.HOUR, berlin) for utc in (0, 1))
    assert first == Window(_us("2026-10-25T00:00"), _us("2026-10-25T01:00"))
    assert second == Window(_us("2026-10-25T01:00"), _us("2026-10-25T02:00"))
    assert _local(first.start_us, "Europe/Berlin").hour == _local(second.start_us, "Europe/Berlin").hour == 2


@pytest.mark.parametrize(
    ("per", "start", "end"),
    [
        (Per.HOUR, "2026-11-22T18:00", "2026-11-22T19:00"),
        (Per.DAY, "2026-11-22T00:00", "2026-11-23T00:00"),
        (Per.WEEK, "2026-11-16T00:00", "2026-11-23T00:00"),
        (Per.MONTH, "2026-11-01T00:00", "2026-12-01T00:00"),
    ],
)
def test_windows_in_utc(per, start, end):
    assert window_of(_us("2026-11-22T18:19:39"), per, ZoneInfo("UTC")) == Window(_us(start), _us(end))


def test_a_week_begins_on_monday_where_the_budget_lives():
    sunday_night = _us("2026-11-22T23:30", "America/New_York")
    assert window_of(sunday_night, Per.WEEK, ZoneInfo("America/New_York")).end_us == sunday_night + _HOUR // 2
    assert window_of(sunday_night, Per.WEEK, ZoneInfo("UTC")).start_us == _us("2026-11-23T00:00")


def test_a_total_has_one_window():
    assert window_of(0, Per.TOTAL, ZoneInfo("UTC")) == window_of(2**53, Per.TOTAL, ZoneInfo("UTC")) == EVER


@pytest.mark.parametrize("per", Per)
def test_the_end_of_the_calendar_is_a_window_too(per):
    last = 253_402_300_800_000_000 - 1
    assert window_of(last, per, ZoneInfo("Pacific/Kiritimati")).holds(last)


@given(moments=st.lists(st.tuples(_MOMENTS, st.sampled_from(Per), st.sampled_from(_ZONES)), max_size=20))
def test_an_almanac_answers_as_if_it_remembered_nothing(moments):
    almanac = Almanac()
    for at, per, zone in moments:
        assert almanac.window(at, per, zone) == window_of(at, per, ZoneInfo(zone))
