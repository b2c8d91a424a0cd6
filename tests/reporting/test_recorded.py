"""Requests are read from the ledger one by one, all of their attempts together."""

import datetime as dt

import pytest

from headgate.reporting import recorded
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.reporting.recorded import recorded_requests
from headgate.schemas.reply import Tokens
from headgate.schemas.usage import Cause, Outcome, event_id
from support.ledgers import NEW_YEAR_US, a_slice, a_value


@pytest.fixture
def read(tmp_path):
    """Append values, and read them as requests."""

    def append_and_read(*values, **window):
        with Ledger.open(tmp_path / "l.duckdb") as ledger:
            ledger.append([a_slice(*values)])
        with open_for_reading(tmp_path / "l.duckdb") as reader:
            return list(recorded_requests(reader, **window))

    return append_and_read


def attempt(number, of, at_s, **changes):
    """The value of one attempt of request `of`."""
    ours = {"event_id": event_id(f"run-{of}", number), "request_id": of, "ts": NEW_YEAR_US + at_s * 1_000_000}
    return a_value(1, attempt=number, **{**ours, **changes})


def test_a_request_is_read_with_its_answer_and_what_its_failures_cost(read):
    failed = {"outcome": Outcome.FAILED, "input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost_nano": 0}
    doubtful = {"outcome": Outcome.UNCERTAIN, "cost_nano": 30, "cause": Cause.RETRY, "deployment": "small-b"}
    answered = {"cause": Cause.FALLBACK, "model": "large", "deployment": "large-a", "cost_nano": 900, "latency_ms": 77}
    tokens = {
        "input_tokens": 100,
        "cached_tokens": 40,
        "cache_write_tokens": 5,
        "output_tokens": 9,
        "reasoning_tokens": 2,
        "cache_write_1h_tokens": 3,
        "input_audio_tokens": 4,
        "cached_audio_tokens": 1,
        "output_audio_tokens": 6,
        "units": 8,
        "calls": 3,
        "service_tier_asked": "flex",
        "service_tier": "default",
    }
    (one,) = read(
        attempt(1, "r", 10, queue_ms=4_000, model="small", end_user="alice", **failed),
        attempt(2, "r", 11, queue_ms=5_000, model="small", **doubtful),
        attempt(3, "r", 12, queue_ms=6_000, **answered, **tokens),
    )
    assert (one.request_id, one.model, one.end_user, one.metadata) == ("r", "small", "alice", {"team": "search"})
    assert (one.arrived_us, one.waited_us) == (NEW_YEAR_US + 6_000_000, 4_000_000)
    assert (one.deployment, one.latency_ms, one.last_us) == ("large-a", 77, NEW_YEAR_US + 12_000_000)
    (paid,) = one.answers
    kinds = {"cache_write_1h": 3, "input_audio": 4, "cached_audio": 1, "output_audio": 6, "units": 8}
    assert one.tokens == paid.tokens == Tokens(input=100, cached=40, cache_write=5, output=9, reasoning=2, **kinds)
    assert (paid.asked, paid.served, paid.calls, one.calls) == ("flex", "default", 3, 3)
    assert (one.cost_nano, one.answered_nano, one.other_nano, one.code) == (930, 900, 30, None)


def test_a_refused_request_has_its_code_and_no_answer(read):
    (one,) = read(attempt(0, "r", 1, outcome=Outcome.REFUSED, code="budget_exceeded", deployment="", cost_nano=0))
    assert (one.code, one.answers, one.deployment, one.cost_nano) == ("budget_exceeded", (), "", 0)


def test_an_answer_counts_for_more_than_a_refusal(read):
    refused = {"outcome": Outcome.REFUSED, "code": "id_reused", "cost_nano": 0}
    (one,) = read(attempt(1, "r", 1), attempt(0, "r", 2, event_id=event_id("place", 0), **refused))
    assert (one.code, len(one.answers)) == (None, 1)


def test_several_answers_of_one_request_are_all_kept(read):
    (one,) = read(attempt(1, "r", 1, output_tokens=3), attempt(2, "r", 2, output_tokens=4))
    assert [answer.tokens.output for answer in one.answers] == [3, 4]
    assert one.tokens.output == 7


def test_requests_come_in_the_order_of_their_arrival_and_an_id_is_its_keys_own(read):
    got = read(
        attempt(1, "late", 30, queue_ms=0),
        attempt(1, "early", 40, queue_ms=39_000),
        attempt(1, "x", 35, key="one", queue_ms=0, event_id=event_id("x1", 1)),
        attempt(1, "x", 36, key="two", queue_ms=0, event_id=event_id("x2", 1)),
    )
    assert [(one.request_id, one.key) for one in got] == [
        ("early", "key-1"),
        ("late", "key-1"),
        ("x", "one"),
        ("x", "two"),
    ]


def test_what_the_journal_answered_was_answered_before(read):
    assert read(attempt(0, "r", 1, outcome=Outcome.REPLAYED, cost_nano=0, deployment="")) == []


def test_only_events_of_the_time_are_read(read):
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    values = [attempt(1, f"r{second}", second) for second in range(4)]
    since, until = start + dt.timedelta(seconds=1), start + dt.timedelta(seconds=3)
    assert [one.request_id for one in read(*values, since=since, until=until)] == ["r1", "r2"]
    with pytest.raises(ValueError, match="with its zone"):
        read(since=dt.datetime(2026, 1, 1))  # noqa: DTZ001 - it is what must not be


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_however_many_are_put_together_at_a_time_the_requests_are_the_same(read, monkeypatch, at_once):
    """Their events lie between those of others: one was deferred for long, one was tried again late."""
    monkeypatch.setattr(recorded, "_AT_ONCE", at_once)
    late = {"queue_ms": 50_000}
    requests = read(
        attempt(1, "a", 1, outcome=Outcome.FAILED, cost_nano=0),
        attempt(1, "b", 2, cost_nano=7),
        attempt(1, "c", 60, **late, cost_nano=11),
        attempt(2, "a", 90, cause=Cause.RETRY, cost_nano=13),
        attempt(1, "d", 20, cost_nano=17),
        attempt(1, "b", 95, outcome=Outcome.REPLAYED, event_id=event_id("again", 1), cost_nano=0),
    )
    assert [(one.request_id, one.cost_nano, len(one.answers)) for one in requests] == [
        ("a", 13, 1),
        ("b", 7, 1),
        ("c", 11, 1),
        ("d", 17, 1),
    ]
    assert [one.last_us - NEW_YEAR_US for one in requests] == [90_000_000, 2_000_000, 60_000_000, 20_000_000]
