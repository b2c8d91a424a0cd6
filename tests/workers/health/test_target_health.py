"""A target's two circuits, taken together."""

import pytest

from headgate.routing.health.breaker import CLOSED, HALF_OPEN, Open, Sign
from headgate.routing.health.evidence import CallEnd
from headgate.routing.health.rules import credential_name
from headgate.routing.outcome import Completion, Setback
from headgate.routing.target import Target
from headgate.schemas.failures import Code, failure
from headgate.workers.health.target_health import TargetHealth
from support.admissions import Clock
from support.healths import SECOND, MemoryWorld

D = Target("d", "openai", "gpt", "openai", "http://x/v1", 60.0)
E = Target("e", "openai", "gpt", "openai", "http://x/v1", 60.0)
ANSWER = Completion(200, b"{}", "", None)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return MemoryWorld(clock).worker("w")


@pytest.fixture
def targets(health, clock):
    return TargetHealth(health, clock)


def fail(targets, clock, code, calls=1, target=D):
    for number in range(calls):
        targets.ended(target, CallEnd(f"{code}{number}", clock(), Setback(failure(code))))


async def test_a_target_that_is_well_is_closed_and_may_be_called(targets):
    assert targets.state(D) is CLOSED
    assert await targets.may_begin(D, "a", 60)


async def test_a_failing_deployment_is_left_alone_and_its_sister_is_not(targets, clock):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    assert targets.state(D) == Open(clock() + 5 * SECOND)
    assert not await targets.may_begin(D, "a", 60)
    assert targets.state(E) is CLOSED


async def test_a_credential_without_money_pauses_all_that_use_it(targets, clock):
    fail(targets, clock, Code.QUOTA_EXHAUSTED)
    assert targets.state(D) == targets.state(E) == Open(clock() + 60 * SECOND)
    assert not await targets.may_begin(E, "a", 60)


async def test_both_must_be_well_again(targets, clock):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    fail(targets, clock, Code.AUTHENTICATION)
    assert targets.state(D) == Open(clock() + 60 * SECOND)
    clock.now += 5 * SECOND
    assert targets.state(D) == Open(clock() + 55 * SECOND)
    clock.now += 55 * SECOND
    assert targets.state(D) is HALF_OPEN
    assert await targets.may_begin(D, "a", 60)
    targets.ended(D, CallEnd("a", clock(), ANSWER))
    assert targets.state(D) is CLOSED


async def test_a_call_that_may_not_probe_both_probes_neither(targets, health, clock):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    fail(targets, clock, Code.AUTHENTICATION)
    clock.now += 60 * SECOND
    assert await health.may_probe(credential_name("openai"), "other", 60)
    assert not await targets.may_begin(D, "a", 60)
    assert health.state("d", clock()) is HALF_OPEN
    assert isinstance(targets.state(D), Open)


async def test_a_call_that_is_not_made_leaves_the_probe_to_another(targets, clock):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    clock.now += 5 * SECOND
    assert await targets.may_begin(D, "a", 60)
    targets.not_begun(D, "a")
    assert await targets.may_begin(D, "b", 60)


@pytest.mark.parametrize("code", [Code.BAD_REQUEST, Code.RATE_LIMITED, Code.AUTHENTICATION])
async def test_a_probe_that_failed_for_another_reason_leaves_its_place(targets, health, clock, code):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    clock.now += 5 * SECOND
    assert await targets.may_begin(D, "a", 60)
    targets.ended(D, CallEnd("a", clock(), Setback(failure(code))))
    assert health.state("d", clock()) is HALF_OPEN


async def test_a_timeout_that_the_deadline_cut_short_is_not_held_against_the_deployment(targets, clock):
    for number in range(9):
        targets.ended(D, CallEnd(f"{number}", clock(), Setback(failure(Code.TIMEOUT)), cut_short=True))
    assert targets.state(D) is CLOSED


async def test_a_long_retry_after_is_obeyed_by_all(targets, health, clock):
    targets.ended(D, CallEnd("a", clock(), Setback(failure(Code.RATE_LIMITED), retry_after=30.0)))
    assert targets.state(D) == Open(clock() + 30 * SECOND)
    assert targets.state(E) is CLOSED
    health.report("d", Sign.NONE, "b", clock())
    clock.now += 30 * SECOND
    assert targets.state(D) is CLOSED


async def test_who_waits_for_a_probe_looks_again_soon_and_the_probe_itself_goes(targets, clock):
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    clock.now += 5 * SECOND
    assert await targets.may_begin(D, "a", 60)
    assert targets.opens_in(D) == 0.5, "it may be over long before its lease is"
    assert (targets.is_out(D, "a"), targets.is_out(D, "b")) == (False, True)
    targets.ended(D, CallEnd("a", clock(), Setback(failure(Code.PROVIDER_ERROR))))
    assert targets.opens_in(D) == 10
    assert targets.is_out(D, "a")


async def test_who_listens_hears_of_openings_probes_and_closings(targets, clock):
    heard = []
    targets.listen(lambda closed: heard.append((type(targets.state(D)).__name__, *closed)))
    fail(targets, clock, Code.PROVIDER_ERROR, 4)
    clock.now += 5 * SECOND
    assert await targets.may_begin(D, "a", 60)
    targets.ended(D, CallEnd("a", clock(), ANSWER))
    assert heard == [("Open",), ("Open",), ("Closed", "d")]
