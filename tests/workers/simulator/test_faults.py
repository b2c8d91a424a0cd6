"""How faults are spelled, and which one an attempt meets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.simulator import FaultSyntaxError, SimulatorConfig
from headgate.workers.simulator.faults import (
    OK,
    Fault,
    FaultRate,
    Kind,
    Step,
    fault_at,
    parse_fault,
    parse_rate,
    parse_script,
    pick,
)

FAULTS = st.builds(Fault, st.sampled_from(Kind))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ok", OK),
        ("429", Fault(Kind.RATE_LIMITED)),
        ("429;retry_after=1", Fault(Kind.RATE_LIMITED, retry_after=1)),
        (" 429 ; retry_after_ms = 250 ; latency = 5 ", Fault(Kind.RATE_LIMITED, retry_after_ms=250, latency_ms=5)),
        ("latency=120000", Fault(latency_ms=120000)),
        ("timeout=50", Fault(Kind.TIMEOUT, duration_ms=50)),
        ("keepalive=30;latency=1", Fault(Kind.KEEPALIVE, duration_ms=30, latency_ms=1)),
        ("error_in_200=429", Fault(Kind.ERROR_IN_200, code=429)),
    ],
)
def test_a_fault_is_read_as_it_is_spelled(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_spelled_by_its_name(kind):
    assert parse_fault(kind.value) == Fault(kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a fault"),
        ("418", "expected a fault .*429.*got '418'"),
        ("500=3", "expected no value for 500"),
        ("429;again=1", "expected one of latency, retry_after, retry_after_ms"),
        ("500;retry_after=1", "only with 429"),
        ("timeout=soon", "expected a number"),
        ("timeout=-1", "expected a number, 0 or more, got '-1'"),
        ("timeout=inf", "expected a number"),
        ("latency", "expected a number"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(text, expected):
    with pytest.raises(FaultSyntaxError, match=expected):
        parse_fault(text)


def test_a_script_is_consumed_one_step_per_attempt():
    script = parse_script("429,500*2,hang")
    kinds = [fault_at(script, attempt).kind for attempt in range(1, 7)]
    assert kinds == [Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.SERVER_ERROR, Kind.HANG, Kind.OK, Kind.OK]


def test_a_star_alone_is_for_ever():
    assert fault_at(parse_script("ok,503*"), 1_000_000).kind is Kind.OVERLOADED


@pytest.mark.parametrize("text", ["500*0", "500*x", "500*-1", "*3", "500,,ok"])
def test_a_script_that_cannot_be_read_is_an_error(text):
    with pytest.raises(FaultSyntaxError):
        parse_script(text)


@given(steps=st.lists(st.builds(Step, FAULTS, st.integers(1, 4)), max_size=5), attempt=st.integers(1, 30))
def test_a_script_is_its_steps_written_out(steps, attempt):
    written_out = [step.fault for step in steps for _ in range(step.times)]
    expected = written_out[attempt - 1] if attempt <= len(written_out) else OK
    assert fault_at(steps, attempt) == expected


def test_a_rate_is_what_follows_the_last_equals_sign():
    assert parse_rate("429=0.01") == FaultRate(Fault(Kind.RATE_LIMITED), 0.01)
    assert parse_rate("timeout=50=1") == FaultRate(Fault(Kind.TIMEOUT, duration_ms=50), 1)


@pytest.mark.parametrize("text", ["429", "429=2", "429=-1", "429=x", "=1"])
def test_a_rate_that_cannot_be_read_is_an_error(text):
    with pytest.raises(FaultSyntaxError):
        parse_rate(text)


@given(
    shares=st.lists(st.integers(0, 20), max_size=5),
    point=st.floats(0, 1, exclude_max=True),
)
def test_each_fault_owns_its_share_of_the_line(shares, point):
    rates = [FaultRate(Fault(Kind.OK, code=number), share / 100) for number, share in enumerate(shares)]
    found = pick(rates, point)
    before = 0.0
    for each in rates:
        if before + 1e-9 < point < before + each.rate - 1e-9:
            assert found == each.fault
        before += each.rate
    if point > before + 1e-9:
        assert found is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": (FaultRate(OK, 0.6), FaultRate(OK, 0.6))},
        {"output_tokens": (5, 4)},
        {"output_tokens": (0, 4)},
        {"cached_rate": 2},
        {"dimensions": 0},
        {"max_requests_per_second": 0},
        {"keepalive_every_ms": 0},
        {"max_pipelined": 0},
    ],
)
def test_a_config_that_makes_no_sense_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"expected .* got"):
        SimulatorConfig(**wrong)
