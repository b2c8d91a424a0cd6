"""Service tiers in the gateway: what is asked, what is served, what is billed, and what is held meanwhile."""

import json

import msgspec
import pytest

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.prices import Price, Rates
from headgate.routing.service import Service
from headgate.routing.target import FlexPolicy, Hedge, RetryPolicy
from headgate.schemas.failures import Code, failure
from headgate.schemas.reply import Status
from headgate.schemas.usage import Outcome
from headgate.workers.gateway.circuits import Closed
from support.gateways import PRICE, Bench, Provider, answered, chat, config_of, target

_HALF = Price(Rates(10**15, 5 * 10**14, 10**15, 15 * 10**14, 15 * 10**14), "test 1, tiers", "test")
_DOUBLE = Price(Rates(4 * 10**15, 2 * 10**15, 4 * 10**15, 6 * 10**15, 6 * 10**15), "test 1, tiers", "test")
_PRICE = msgspec.structs.replace(PRICE, services=(("flex", _HALF), ("priority", _DOUBLE)))
#: Of an answer with 10 tokens in and 5 out.
_STANDARD, _CHEAP, _DEAR = 10 * 2 + 5 * 3, 10 + 7.5, 10 * 4 + 5 * 6


def _target(name="d1", **changes):
    return target(name, **{"price": _PRICE, **changes})


def _flex(number=1, tier="flex", **fields):
    body = {"model": "small", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 7}
    return chat(number, body={**body, "service_tier": tier}, **fields)


def _served(tier, **counts):
    reply = answered(**counts)
    body = json.dumps({**json.loads(reply.body), "service_tier": tier}).encode()
    return HttpReply(reply.status, reply.headers, body)


def _full():
    return HttpReply(429, {}, json.dumps({"error": {"message": "no", "code": "resource_unavailable"}}).encode())


def _sent(provider):
    return [json.loads(call.body).get("service_tier") for call in provider.calls]


async def _run(provider, *records, replies=1, **bench):
    async with Bench(provider, **{"targets": (_target(),), **bench}) as bench_:
        await bench_.send(*(records or [_flex()]))
        got = await bench_.replies(replies)
        return got[0], bench_.events(), bench_


async def test_a_flex_request_has_fifteen_minutes_and_is_billed_as_flex():
    provider = Provider(_served("flex"))
    reply, (event,), _ = await _run(provider)
    assert _sent(provider) == ["flex"]
    assert provider.seconds == [900.0]
    assert (event.service_tier_asked, event.service_tier) == ("flex", "flex")
    assert event.cost_nano == round(_CHEAP)
    assert event.price_version == "test 1, tiers"
    assert reply.headgate.service_tier == "flex"


@pytest.mark.parametrize(
    ("asked", "served", "nano"),
    [
        ("flex", "default", _STANDARD),
        ("priority", "default", _STANDARD),
        ("priority", "priority", _DEAR),
        ("auto", "flex", round(_CHEAP)),
        (None, "priority", _DEAR),
        ("flex", None, _STANDARD),
        ("priority", None, _DEAR),
        ("default", "standard", _STANDARD),
    ],
)
async def test_the_tier_that_served_is_billed_whatever_was_asked(asked, served, nano):
    _, (event,), _ = await _run(Provider(_served(served)), _flex(tier=asked))
    assert event.cost_nano == nano
    assert (event.service_tier_asked, event.service_tier) == (asked, "default" if served == "standard" else served)


async def test_a_tier_that_nobody_has_a_price_for_is_billed_at_the_dearest_and_says_so():
    _, (event,), _ = await _run(Provider(_served("warp")))
    assert event.cost_nano == _DEAR
    assert event.price_version == "test 1, tiers, service tier warp unknown"


async def test_no_capacity_is_waited_for_and_is_no_retry_that_counts():
    provider = Provider(_full(), _full(), _served("flex"))
    policy = RetryPolicy(retries=0, flex=FlexPolicy(backoff=1.0))
    reply, events, bench = await _run(provider, policy=policy)
    assert _sent(provider) == ["flex"] * 3
    assert bench.time.slept == [0.5, 1.0]
    assert [event.cost_nano for event in events] == [0, 0, round(_CHEAP)]
    assert (reply.headgate.status, reply.headgate.attempts, reply.headgate.notes) == (Status.COMPLETED, 3, ())


async def test_after_so_many_refusals_the_standard_tier_answers_and_the_reply_says_why():
    provider = Provider(*[_full()] * 3, _served("default"))
    policy = RetryPolicy(retries=0, flex=FlexPolicy(retries=2, backoff=0.1))
    reply, events, _ = await _run(provider, policy=policy)
    assert _sent(provider) == ["flex", "flex", "flex", "default"]
    assert provider.seconds[-1] == 60.0
    assert [event.service_tier_asked for event in events] == ["flex", "flex", "flex", "default"]
    assert events[-1].cost_nano == _STANDARD
    assert reply.headgate.notes == ("service_tier became default: the flex tier had no capacity 3 times",)


async def test_the_standard_tier_is_asked_while_it_still_fits_before_the_deadline():
    async def hang():
        bench.time.at += provider.seconds[-1]  # as long as it was given
        return Setback(failure(Code.TIMEOUT))

    provider = Provider(hang, _served("default"))
    async with Bench(provider, targets=(_target(),)) as bench:
        began = bench.time.at
        await bench.send(_flex(deadline=600))
        (reply,) = await bench.replies(1)
        ended = bench.time.at
    assert _sent(provider) == ["flex", "default"]
    assert provider.seconds[0] == 540.0
    assert provider.seconds[1] >= 59.0
    assert ended - began < 600
    assert reply.headgate.notes == (
        "service_tier became default: there is no time for a slow attempt before the deadline",
    )


async def test_a_deadline_that_is_too_near_for_flex_is_kept_on_the_standard_tier():
    provider = Provider(_served("default"))
    reply, _, _ = await _run(provider, _flex(deadline=100))
    assert _sent(provider) == ["default"]
    assert reply.headgate.status is Status.COMPLETED


async def test_the_last_attempt_after_other_failures_is_on_the_standard_tier():
    provider = Provider(*[HttpReply(500, {}, b"{}")] * 2, _served("default"))
    _, events, _ = await _run(provider, policy=RetryPolicy(retries=2, backoff=0.1))
    assert [event.service_tier_asked for event in events] == ["flex", "flex", "default"]


async def test_a_long_wait_for_capacity_is_parked_and_remembers_the_refusals():
    provider = Provider(*[_full()] * 4, _served("default"))
    policy = RetryPolicy(retries=0, flex=FlexPolicy(retries=3, backoff=60.0, max_backoff=60.0))
    reply, events, bench = await _run(provider, policy=policy)
    assert _sent(provider) == ["flex"] * 4 + ["default"]
    assert bench.time.at - 1_800_000_000 >= 3 * 30
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.COMPLETED, 5)
    assert len(events) == 5


async def _held(tier):
    """What is held of a budget during an attempt, and what when all is over."""
    held = []

    async def look():
        held.append(bench.held("key:local:usd/day"))
        return _served(tier)

    config = config_of(keys=[{"id": "local", "budgets": [{"usd": 1, "per": "day"}]}])
    async with Bench(Provider(look), targets=(_target(),), config=config) as bench:
        await bench.send(_flex(tier=tier))
        await bench.replies(1)
        await bench.gateway.settled()
        return held[0], bench.held("key:local:usd/day")


async def test_the_hold_covers_the_standard_price_and_shrinks_to_what_was_served():
    flex, standard, priority = await _held("flex"), await _held("default"), await _held("priority")
    assert standard[0] > 256 * 2
    a_byte = 2  # each one may be a token; the three words have not the same length
    assert flex[0] == standard[0] - a_byte * len("ult")
    assert priority[0] == (standard[0] + a_byte * len("y")) * 2
    assert (flex[1], standard[1], priority[1]) == (round(_CHEAP), _STANDARD, _DEAR)


@pytest.mark.parametrize("tier", ["flex", "warp"])
async def test_a_tier_that_the_target_has_not_is_refused_before_anything_is_sent(tier):
    provider = Provider()
    reply, _, _ = await _run(provider, _flex(tier=tier), targets=(target(),))
    assert provider.calls == []
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.UNSUPPORTED_PARAMETER)
    assert reply.error.given == f"service_tier: {tier}"


async def test_another_deployment_that_has_the_tier_is_asked_instead():
    provider = Provider(_served("flex"))
    reply, _, _ = await _run(provider, targets=(target("a"), _target("b", weight=0)))
    assert reply.headgate.deployment == "b"


async def test_it_is_left_out_where_the_config_allows_that_and_the_reply_says_so():
    lenient = target(service=Service(drop=frozenset({"service_tier"})))
    provider = Provider(answered())
    reply, (event,), _ = await _run(provider, targets=(lenient,))
    assert _sent(provider) == [None]
    assert reply.headgate.notes == ("left out service_tier: openai takes auto, default for gpt-4o-mini",)
    assert (event.service_tier_asked, event.cost_nano) == (None, _STANDARD)


class _Circuits(Closed):
    def __init__(self):
        self.heard = []

    def not_begun(self, *_):
        self.heard.append("nothing")

    def ended(self, _, end):
        self.heard.append(type(end.result).__name__)


async def test_no_capacity_for_flex_is_nothing_against_the_deployment():
    circuits = _Circuits()
    provider = Provider(_full(), Setback(failure(Code.TIMEOUT)), _served("flex"))
    await _run(provider, circuits=circuits)
    assert circuits.heard == ["nothing", "nothing", "Completion"]


async def test_a_flex_attempt_is_not_hedged_for_being_slow():
    async def slow():
        await bench.time.sleep(5)
        return _served("flex")

    provider = Provider(slow)
    async with Bench(provider, targets=(_target("a"), _target("b", weight=0)), hedge=Hedge(after=1.0)) as bench:
        await bench.send(_flex())
        await bench.replies(1)
    assert len(provider.calls) == 1


async def test_an_attempt_of_unknown_end_is_booked_at_the_dearest_tier_that_it_can_have_had():
    provider = Provider(Setback(failure(Code.CONNECTION_CUT)), _served("priority"))
    _, (cut, _), _ = await _run(provider, _flex(tier="priority"))
    assert cut.outcome is Outcome.UNCERTAIN
    assert cut.cost_nano == cut.input_tokens * 4 + cut.output_tokens * 6
