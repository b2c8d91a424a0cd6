"""Metrics: one catalogue, numbers that add up, and docs that are current."""

import asyncio
import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from headgate.producers.redis_link import LinkDown, Script
from headgate.reporting.errors import SnapshotError
from headgate.reporting.ledger import Appended
from headgate.routing.health.breaker import CLOSED, HALF_OPEN, Open
from headgate.routing.target import Target
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.reply import Account, Reply, Status, Tokens
from headgate.schemas.request import Endpoint
from headgate.schemas.topics import Lane
from headgate.schemas.usage import Cause, Outcome, UsageEvent
from headgate.workers.bus.port import BusStatus
from headgate.workers.health.port import HealthStatus
from headgate.workers.ops import catalogue as of
from headgate.workers.ops.admission_meter import admission_readings
from headgate.workers.ops.book_meter import BookMeter
from headgate.workers.ops.bus_meter import bus_readings
from headgate.workers.ops.catalogue import CATALOGUE, Kind
from headgate.workers.ops.gateway_meter import MetricsListener
from headgate.workers.ops.health_meter import health_readings
from headgate.workers.ops.logs import Logs
from headgate.workers.ops.metrics import Metrics
from headgate.workers.ops.process_meter import LoopWatch, build_readings, log_readings
from headgate.workers.ops.readings import Histogram, Reading
from headgate.workers.ops.recorder_meter import RecorderMeter
from headgate.workers.ops.store_meter import StoreMeter
from headgate.workers.recorder.book_events import BookLog
from headgate.workers.recorder.publisher import NotPublished
from support.any_body import request_of


def event(**facts):
    return UsageEvent(
        **{
            "event_id": "e",
            "request_id": "r",
            "ts": 1,
            "outcome": Outcome.SUCCEEDED,
            "cause": Cause.FIRST,
            "attempt": 1,
            "key": "local",
            "lane": "bulk",
            "endpoint": "/v1/chat/completions",
            "model": "m",
            "deployment": "d",
            **facts,
        }
    )


def reply(status=Status.COMPLETED, queue_ms=0):
    return Reply("r", None, None, None, Account("q", status, queue_ms=queue_ms))


async def numbers(*sources):
    """Scrape, and return sample name and labels → value."""
    body, _ = await Metrics(sources).exposition()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(body.decode())
        for sample in family.samples
        if sample.name.startswith(of.PREFIX)
    }


# The catalogue


def test_every_metric_is_named_once_and_described():
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    assert len(names) > 20
    for metric in CATALOGUE:
        assert metric.name.startswith("headgate_")
        assert metric.meaning.endswith(".")


def test_names_follow_prometheus():
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER), metric.name
        assert (metric.kind is Kind.HISTOGRAM) is bool(metric.bounds), metric.name
        assert list(metric.bounds) == sorted(set(metric.bounds)), metric.name


def test_no_label_can_be_filled_by_anybody():
    """Requests, keys and models are named by callers: as labels they would have no bound."""
    labels = {label for metric in CATALOGUE for label in metric.labels}
    known = {"deployment", "outcome", "code", "lane", "status", "kind", "result", "version", "python", "level"}
    assert labels <= known | {"circuit"}  # of deployments and providers


def test_every_metric_is_kept_by_somebody(tmp_path):
    gateway = MetricsListener()
    gateway.attempted(event())
    gateway.attempted(event(outcome=Outcome.REFUSED, code="unpriced"))
    gateway.replied(reply(), Lane.BULK)
    gateway.dead_lettered("empty")
    bus, journal = bus_readings(lambda: BusStatus(True, 0, 0, 0, 0, parked=0)), StoreMeter()
    health = health_readings(lambda: HealthStatus(True, {"d": CLOSED}, {"d": 1}))
    with (tmp_path / "log").open("w") as stream, Logs("json", stream=stream) as logs:
        logging.getLogger("headgate").error("x")
    admission = admission_readings(lambda: 0, _Brakes(), TokenEstimator())
    recorder = (RecorderMeter(lambda: 0), BookMeter(BookLog()))
    sources = [gateway, admission, bus, journal, health, *recorder, build_readings(), log_readings(logs), LoopWatch()]
    assert {reading.metric.name for source in sources for reading in source()} == {each.name for each in CATALOGUE}


class _Brakes:
    @property
    def limits(self):
        return {"d": 2.5}


# Spelling them out


async def test_an_exposition_is_what_prometheus_reads():
    meter = MetricsListener()
    meter.attempted(event(latency_ms=20))
    body, content_type = await Metrics([meter]).exposition()
    assert content_type.startswith("text/plain")
    families = {family.name: family for family in parse(body.decode())}
    assert families["headgate_attempts"].documentation == of.ATTEMPTS.meaning
    assert families["headgate_attempt_seconds"].type == "histogram"
    assert "process_cpu_seconds" in families


async def test_openmetrics_is_spoken_to_whoever_asks_for_it():
    body, content_type = await Metrics([MetricsListener()]).exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert [family.name for family in parse_openmetrics(body.decode())]


async def test_two_sets_of_metrics_in_one_process_do_not_mix():
    one, two = MetricsListener(), MetricsListener()
    one.admitted(3, 0)
    assert (await numbers(one))["headgate_deliveries_total",] == 3
    assert (await numbers(two))["headgate_deliveries_total",] == 0


async def test_a_source_may_be_added_later():
    metrics = Metrics()
    metrics.add(MetricsListener())
    assert b"headgate_deliveries_total 0.0" in (await metrics.exposition())[0]


@pytest.mark.parametrize(
    "reading", [Reading(of.DELIVERIES, Histogram(of.QUEUE_WAIT)), Reading(of.QUEUE_WAIT, 5, ("bulk",))]
)
async def test_a_reading_of_the_wrong_kind_is_told(reading):
    with pytest.raises(TypeError, match="expected"):
        await Metrics([lambda: [reading]]).exposition()


@given(st.lists(st.floats(0, 1e6) | st.sampled_from(of.QUEUE_WAIT.bounds)))
def test_a_histogram_counts_each_observation_once_at_or_below_its_bound(values):
    histogram = Histogram(of.QUEUE_WAIT)
    for value in values:
        histogram.observe(value)
    buckets = [(math.inf if bound == "+Inf" else float(bound), count) for bound, count in histogram.buckets()]
    assert buckets == [(bound, sum(value <= bound for value in values)) for bound, _ in buckets]
    assert buckets[-1] == (math.inf, len(values))
    assert histogram.sum == pytest.approx(sum(values))


# The gateway


async def test_what_is_taken_in_and_finished_is_in_flight_between():
    meter = MetricsListener()
    meter.admitted(3, 300)
    meter.finished(100)
    found = await numbers(meter)
    assert found["headgate_deliveries_total",] == 3
    assert found["headgate_in_flight_requests",] == 2
    assert found["headgate_in_flight_bytes",] == 200


async def test_replies_are_counted_by_lane_and_status_and_their_wait_observed():
    meter = MetricsListener()
    meter.replied(reply(queue_ms=40), Lane.BULK)
    meter.replied(reply(queue_ms=40), Lane.BULK)
    meter.replied(reply(Status.EXPIRED, 90_000_000), Lane.URGENT)
    found = await numbers(meter)
    assert found["headgate_replies_total", ("lane", "bulk"), ("status", "completed")] == 2
    assert found["headgate_replies_total", ("lane", "urgent"), ("status", "expired")] == 1
    assert found["headgate_queue_wait_seconds_bucket", ("lane", "bulk"), ("le", "0.01")] == 0
    assert found["headgate_queue_wait_seconds_bucket", ("lane", "bulk"), ("le", "0.05")] == 2
    assert found["headgate_queue_wait_seconds_bucket", ("lane", "urgent"), ("le", "86400.0")] == 0
    assert found["headgate_queue_wait_seconds_count", ("lane", "urgent")] == 1


async def test_attempts_are_counted_with_their_tokens_time_and_money():
    meter = MetricsListener()
    meter.attempted(event(outcome=Outcome.FAILED, code="rate_limited", latency_ms=30))
    meter.attempted(
        event(
            attempt=2,
            latency_ms=700,
            input_tokens=10,
            cached_tokens=4,
            cache_write_tokens=3,
            output_tokens=5,
            reasoning_tokens=2,
            cost_nano=1_500_000_000,
        )
    )
    meter.attempted(event(outcome=Outcome.UNCERTAIN, code="timeout", attempt=3, cost_nano=250_000_000))
    found = await numbers(meter)
    of_d = ("deployment", "d")
    assert found["headgate_attempts_total", ("code", "rate_limited"), of_d, ("outcome", "failed")] == 1
    assert found["headgate_attempts_total", ("code", ""), of_d, ("outcome", "succeeded")] == 1
    assert found["headgate_attempts_total", ("code", "timeout"), of_d, ("outcome", "uncertain")] == 1
    assert found["headgate_retries_total", of_d] == 2
    assert found["headgate_cost_dollars_total", of_d] == 1.75
    assert found["headgate_uncertain_cost_dollars_total", of_d] == 0.25
    assert found["headgate_attempt_seconds_sum", of_d] == pytest.approx(0.73)
    kinds = {"input": 10, "cached": 4, "cache_write": 3, "output": 5, "reasoning": 2}
    assert {kind: found["headgate_tokens_total", of_d, ("kind", kind)] for kind in kinds} == kinds


async def test_the_time_of_an_interrupted_attempt_is_not_known_and_not_observed():
    meter = MetricsListener()
    meter.attempted(event(outcome=Outcome.UNCERTAIN, code="interrupted"))
    assert (await numbers(meter))["headgate_attempt_seconds_count", ("deployment", "d")] == 0


async def test_a_refusal_is_no_attempt():
    meter = MetricsListener()
    meter.attempted(event(outcome=Outcome.REFUSED, code="unpriced", attempt=0, deployment=""))
    meter.dead_lettered("invalid_json")
    found = await numbers(meter)
    assert found["headgate_refusals_total", ("code", "unpriced")] == 1
    assert found["headgate_dead_letters_total", ("code", "invalid_json")] == 1
    assert not [name for name, *_ in found if name.startswith("headgate_attempts")]


async def test_deployments_beyond_a_thousand_share_one_name():
    meter = MetricsListener()
    for number in range(1_200):
        meter.attempted(event(deployment=f"d{number}"))
        meter.attempted(event(deployment=f"d{number}"))
    found = await numbers(meter)
    retries = [labels for name, *labels in found if name == "headgate_retries_total"]
    assert len(retries) == 1_001
    other = ("headgate_attempts_total", ("code", ""), ("deployment", "other"), ("outcome", "succeeded"))
    assert found[other] == 400


@given(
    st.lists(
        st.builds(
            event,
            outcome=st.sampled_from(Outcome),
            code=st.sampled_from([None, "timeout", "interrupted", "unpriced"]),
            deployment=st.sampled_from("abc"),
            attempt=st.integers(0, 5),
            cost_nano=st.integers(0, 10**12),
        )
    )
)
def test_every_event_is_counted_exactly_once(events):
    meter = MetricsListener()
    for each in events:
        meter.attempted(each)
    readings = list(meter())
    counted = sum(r.value for r in readings if r.metric in {of.ATTEMPTS, of.REFUSALS})
    assert counted == len(events)
    cost = sum(r.value for r in readings if r.metric is of.COST)
    assert cost == pytest.approx(sum(e.cost_nano for e in events if e.outcome != "refused") / 1e9)


# The others


@pytest.mark.parametrize(("lag", "shown"), [(7, {7}), (None, set())])
async def test_what_the_bus_says_is_read(lag, shown):
    found = await numbers(bus_readings(lambda: BusStatus(True, lag, 1_500, 3, 11)))
    assert {value for name, *_ in found for value in [found[name,]] if name == "headgate_bus_lag_records"} == shown
    assert found["headgate_bus_ready",] == 1
    assert found["headgate_bus_oldest_seconds",] == 1.5
    assert found["headgate_bus_uncommitted_requests",] == 3
    assert found["headgate_bus_commits_total",] == 11


class Store:
    connections = 7

    def __init__(self, *answers):
        self._answers = list(answers)

    async def call(self, *command):
        return await self.run(*command, None, None)

    async def run(self, script, keys, args):  # noqa: ARG002 - the port's names
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_calls_of_the_store_are_counted_timed_and_passed_through():
    ticks = iter([1.0, 1.25, 2.0, 2.5])
    meter = StoreMeter(clock=lambda: next(ticks))
    scripts = meter.on(Store("yes", LinkDown("away")))
    script = Script.of("return 1")
    assert await scripts.run(script, ["k"], [1]) == "yes"
    with pytest.raises(LinkDown):
        await scripts.call("PING")
    assert scripts.connections == 7
    found = await numbers(meter)
    assert found["headgate_store_calls_total",] == 2
    assert found["headgate_store_errors_total",] == 1
    assert found["headgate_store_seconds_total",] == 0.75


async def test_what_admission_has_learned_is_read():
    estimates = TokenEstimator()
    target = Target("d", "openai", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}
    for _ in range(200):
        estimates.observe(request_of(Endpoint.CHAT, body), target, Tokens(input=208, output=512))
    found = await numbers(admission_readings(lambda: 7, _Brakes(), estimates))
    assert found["headgate_waiting_requests",] == 7
    assert found["headgate_calls_limit", ("deployment", "d")] == 2.5
    assert 0 < found["headgate_estimate_error_ratio", ("kind", "input")] < 0.1
    assert found["headgate_estimate_error_ratio", ("kind", "output")] == 0


async def test_what_becomes_of_the_budgets_book_is_counted_and_logged(caplog):
    meter = BookMeter(BookLog())
    meter.opened("e", "it was empty", 3, 0.1)
    meter.ready("e", 1.0)
    meter.away(LinkDown("gone"))
    meter.posted(5)
    meter.alerted(2)
    meter.not_alerted(NotPublished("no"))
    assert await numbers(meter) == {
        ("headgate_book_opened_total",): 1,
        ("headgate_book_posted_total",): 5,
        ("headgate_book_away_total",): 1,
        ("headgate_alerts_total", ("result", "published")): 2,
        ("headgate_alerts_total", ("result", "failed")): 1,
    }
    assert "alerts wait to be published" in caplog.text


async def test_what_the_recorder_does_is_counted(caplog):
    meter = RecorderMeter(lambda: 42)
    meter.appended(Appended(rows=5, settled=1, duplicates=2, bad=0), 0.02, 1)
    meter.appended(Appended(rows=1, bad=3), 0.5, None)
    meter.published(0.25)
    meter.not_published(SnapshotError("the disk is full"))
    found = await numbers(meter)
    assert found["headgate_ledger_rows_total",] == 6
    assert found["headgate_ledger_settled_total",] == 1
    assert found["headgate_ledger_duplicates_total",] == 2
    assert found["headgate_ledger_bad_values_total",] == 3
    assert found["headgate_ledger_append_seconds_bucket", ("le", "0.025")] == 1
    assert found["headgate_ledger_append_seconds_count",] == 2
    assert found["headgate_ledger_snapshots_total", ("result", "published")] == 1
    assert found["headgate_ledger_snapshots_total", ("result", "failed")] == 1
    assert found["headgate_ledger_snapshot_seconds_total",] == 0.25
    assert found["headgate_ledger_lag_records",] == 42
    assert [(record.error if "snapshot" in record.message else record.count) for record in caplog.records] == [
        *(3, "the disk is full")
    ]


async def test_a_process_names_its_version_and_counts_its_log_lines(tmp_path):
    with (tmp_path / "log").open("w") as stream, Logs("json", stream=stream) as logs:
        logs_source = log_readings(logs)
        logging.getLogger("headgate").error("x")
    found = await numbers(build_readings(), logs_source)
    assert found["headgate_log_lines_total", ("level", "error")] == 1
    assert [value for (name, *_), value in found.items() if name == "headgate_build_info"] == [1]


async def test_a_late_event_loop_is_noticed_while_it_hangs_and_at_the_next_look():
    now = [100.0]
    looks = []

    async def sleep(seconds):
        looks.append(seconds)
        now[0] += seconds + (3.0 if len(looks) == 2 else 0.0)
        if len(looks) == 3:
            raise asyncio.CancelledError

    watch = LoopWatch(clock=lambda: now[0], sleep=sleep)
    assert watch.lag() == 0
    with pytest.raises(asyncio.CancelledError):
        await watch.watch()
    assert watch.lag() == pytest.approx(3.0)
    now[0] += 10
    assert watch.lag() >= 10


# Health


async def test_circuits_are_told_by_their_state_and_their_openings():
    circuits = {"a": CLOSED, "b": HALF_OPEN, "credential:openai": Open(1)}
    read = await numbers(health_readings(lambda: HealthStatus(True, circuits, {"b": 3})))
    assert read == {
        ("headgate_circuits_shared",): 1,
        ("headgate_circuit_state", ("circuit", "a")): 0,
        ("headgate_circuit_state", ("circuit", "b")): 1,
        ("headgate_circuit_state", ("circuit", "credential:openai")): 2,
        ("headgate_circuit_openings_total", ("circuit", "b")): 3,
    }


async def test_circuits_without_bounds_do_not_fill_prometheus():
    many = {f"d{number}": CLOSED for number in range(5_000)}
    assert len(list(health_readings(lambda: HealthStatus(False, many, dict.fromkeys(many, 1)))())) == 2_001
