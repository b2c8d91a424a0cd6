"""The cost report: sums as a loop over the events would make them, grouped by whatever is asked."""

import datetime as dt
import itertools
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.reporting.cost import Cost, Dimension, cost_by
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.schemas.usage import Outcome, encode_event
from support.ledgers import NEW_YEAR_US, a_slice, an_event

_DAY = dt.timedelta(days=1)
_NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def _events():
    """Retries, refusals, stand-ins and batches over three days; every third event belongs to the request before it."""
    for number in range(300):
        yield an_event(
            number,
            request_id=f"request-{number - (number % 3 == 2)}",
            ts=NEW_YEAR_US + number * 900_000_000,
            outcome=list(Outcome)[number % 7 % 4],
            provider=("openai", "my-vllm")[number % 5 == 0],
            workspace=None if number % 11 else "research",
            lane=("standard", "bulk")[number % 2],
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    path = tmp_path_factory.mktemp("cost") / "l.duckdb"
    with Ledger.open(path) as ledger:
        ledger.append([a_slice(*map(encode_event, _events()))])
    with open_for_reading(path) as opened:
        yield opened


def _value(event, dimension):
    if dimension is Dimension.DAY:
        return (_NEW_YEAR + dt.timedelta(microseconds=event.ts - NEW_YEAR_US)).date()
    return getattr(event, dimension)


def _sum(events):
    outcomes = [event.outcome for event in events]
    return Cost(
        requests=len({event.request_id for event in events}),
        attempts=len(events) - outcomes.count(Outcome.REFUSED),
        succeeded=outcomes.count(Outcome.SUCCEEDED),
        failed=outcomes.count(Outcome.FAILED),
        uncertain=outcomes.count(Outcome.UNCERTAIN),
        refused=outcomes.count(Outcome.REFUSED),
        input_tokens=sum(event.input_tokens for event in events),
        cached_tokens=sum(event.cached_tokens for event in events),
        output_tokens=sum(event.output_tokens for event in events),
        cost_nano=sum(event.cost_nano for event in events),
    )


@settings(max_examples=40, deadline=None)
@given(
    by=st.lists(st.sampled_from(Dimension), unique=True, max_size=4),
    window=st.tuples(*[st.none() | st.integers(-1, 80)] * 2),
    batch=st.sampled_from([None, "nightly", "unknown"]),
)
def test_groups_and_total_are_what_a_loop_over_the_events_says(reader, by, window, batch):
    since, until = (None if hours is None else _NEW_YEAR + dt.timedelta(hours=hours) for hours in window)
    chosen = [
        event
        for event in _events()
        if (since is None or event.ts >= since.timestamp() * 1_000_000)
        and (until is None or event.ts < until.timestamp() * 1_000_000)
        and (batch is None or event.batch == batch)
    ]
    expected = defaultdict(list)
    for event in chosen:
        expected[tuple(_value(event, dimension) for dimension in by)].append(event)
    if not by:
        expected[()] = chosen

    report = cost_by(reader, by, since=since, until=until, batch=batch)

    assert {group.values: group.cost for group in report.groups} == {key: _sum(of) for key, of in expected.items()}
    assert len(report.groups) == len(expected)
    assert report.total == _sum(chosen)
    assert report.by == tuple(by)


def test_the_dearest_group_comes_first(reader):
    costs = [group.cost.cost_nano for group in cost_by(reader, [Dimension.KEY, Dimension.MODEL]).groups]
    assert costs == sorted(costs, reverse=True)


def test_days_come_in_their_order_and_the_dearest_first_within_a_day(reader):
    groups = cost_by(reader, [Dimension.KEY, Dimension.DAY]).groups
    assert [group.values[1] for group in groups] == sorted(group.values[1] for group in groups)
    for _, day in itertools.groupby(groups, key=lambda group: group.values[1]):
        costs = [group.cost.cost_nano for group in day]
        assert costs == sorted(costs, reverse=True)


def test_a_dimension_named_twice_counts_once(reader):
    assert cost_by(reader, [Dimension.KEY, Dimension.KEY]).by == (Dimension.KEY,)


def test_times_in_other_zones_mean_the_same_moment(reader):
    there = dt.timezone(dt.timedelta(hours=9))
    assert cost_by(reader, since=_NEW_YEAR + _DAY) == cost_by(reader, since=(_NEW_YEAR + _DAY).astimezone(there))


def test_a_time_without_a_zone_is_refused_in_words(reader):
    with pytest.raises(ValueError, match="expected a time with its zone"):
        cost_by(reader, since=dt.datetime(2026, 1, 1))  # noqa: DTZ001 - the missing zone is the point
