"""Every strategy and every fault, by a gateway that calls a simulator over HTTP, held against what was served."""

import asyncio
import itertools
from collections import Counter

import pytest

from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.usage import Cause, Outcome
from headgate.workers.simulator.config import SimulatorConfig
from headgate.workers.simulator.faults import parse_fault
from headgate.workers.simulator.latency import Fixed
from headgate.workers.simulator.outages import Outage
from headgate.workers.simulator.server import Simulator
from support.stand import TOPICS, Stand, asked, deployment, model

pytestmark = pytest.mark.timeout(60)

FIRST, RETRY, FALLBACK, SHADOW = "first", "retry", "fallback", "shadow"
OK, FAILED, UNCERTAIN = "succeeded", "failed", "uncertain"


@pytest.fixture
async def simulator():
    async with Simulator(SimulatorConfig(timeout_ms=5_000)) as simulator:
        yield simulator


@pytest.fixture
async def slow_simulator():
    async with Simulator(SimulatorConfig(latency=Fixed(150))) as simulator:
        yield simulator


def well(name, cause=FIRST):
    return (name, cause, OK, None)


# Faults

#: Of each fault: what the first deployment's attempt comes to, with a second deployment that is well.
ELSEWHERE = {
    "429": (FAILED, Code.RATE_LIMITED),
    "429;retry_after=30": (FAILED, Code.RATE_LIMITED),
    "429;retry_after_ms=30000": (FAILED, Code.RATE_LIMITED),
    "quota": (FAILED, Code.QUOTA_EXHAUSTED),
    "500": (FAILED, Code.PROVIDER_ERROR),
    "503": (FAILED, Code.OVERLOADED),
    "529": (FAILED, Code.OVERLOADED),
    "401": (FAILED, Code.AUTHENTICATION),
    "403": (FAILED, Code.PERMISSION),
    "404": (FAILED, Code.UPSTREAM_NOT_FOUND),
    "context_length_exceeded": (FAILED, Code.CONTEXT_LENGTH),
    "error_in_200=429": (FAILED, Code.RATE_LIMITED),
    "error_in_200=502": (FAILED, Code.PROVIDER_ERROR),
    "timeout=2000": (UNCERTAIN, Code.TIMEOUT),
    "hang": (UNCERTAIN, Code.TIMEOUT),
    "cut": (UNCERTAIN, Code.CONNECTION_CUT),
    "cut_body": (UNCERTAIN, Code.CONNECTION_CUT),
    "malformed": (UNCERTAIN, Code.MALFORMED_RESPONSE),
}


@pytest.mark.parametrize("fault", ELSEWHERE)
async def test_a_fault_sends_a_request_to_the_next_deployment_and_both_attempts_are_in_the_books(simulator, fault):
    outcome, code = ELSEWHERE[fault]
    stand = Stand(simulator, [model("small", "a", "b", strategy="fallback")])
    async with stand.running() as running:
        (reply,) = await running.ask(asked(simulate=f"{fault},ok"))
        told = await running.reconciled()
        assert running.attempts() == [("a", FIRST, outcome, code), well("b", RETRY)]
    assert told.called == ["a", "b"]
    assert (reply.headgate.status, reply.headgate.deployment) == (Status.COMPLETED, "b")


#: Of each fault: what a request comes to that can go nowhere else, with a script of that fault and then none.
ALONE = {
    "429": [("a", FIRST, FAILED, Code.RATE_LIMITED), well("a", RETRY)],
    "429;retry_after_ms=60": [("a", FIRST, FAILED, Code.RATE_LIMITED), well("a", RETRY)],
    "500": [("a", FIRST, FAILED, Code.PROVIDER_ERROR), well("a", RETRY)],
    "503": [("a", FIRST, FAILED, Code.OVERLOADED), well("a", RETRY)],
    "529": [("a", FIRST, FAILED, Code.OVERLOADED), well("a", RETRY)],
    "error_in_200=503": [("a", FIRST, FAILED, Code.OVERLOADED), well("a", RETRY)],
    "timeout=2000": [("a", FIRST, UNCERTAIN, Code.TIMEOUT), well("a", RETRY)],
    "hang": [("a", FIRST, UNCERTAIN, Code.TIMEOUT), well("a", RETRY)],
    "cut": [("a", FIRST, UNCERTAIN, Code.CONNECTION_CUT), well("a", RETRY)],
    "cut_body": [("a", FIRST, UNCERTAIN, Code.CONNECTION_CUT), well("a", RETRY)],
    "malformed": [("a", FIRST, UNCERTAIN, Code.MALFORMED_RESPONSE), well("a", RETRY)],
    "keepalive=100": [well("a")],
    "400": [("a", FIRST, FAILED, Code.BAD_REQUEST)],
    "401": [("a", FIRST, FAILED, Code.AUTHENTICATION)],
    "403": [("a", FIRST, FAILED, Code.PERMISSION)],
    "404": [("a", FIRST, FAILED, Code.UPSTREAM_NOT_FOUND)],
    "content_filter": [("a", FIRST, FAILED, Code.CONTENT_POLICY)],
    "context_length_exceeded": [("a", FIRST, FAILED, Code.CONTEXT_LENGTH)],
}


@pytest.mark.parametrize("fault", ALONE)
async def test_what_a_fault_comes_to_where_there_is_nowhere_else(simulator, fault):
    expected = ALONE[fault]
    async with Stand(simulator, [model("small", "a")]).running() as running:
        (reply,) = await running.ask(asked(simulate=f"{fault},ok"))
        await running.reconciled()
        assert running.attempts() == expected
    assert reply.headgate.status is (Status.COMPLETED if expected[-1][2] == OK else Status.FAILED)
    assert (None if reply.error is None else reply.error.code) == expected[-1][3]


@pytest.mark.parametrize("wait", ["retry_after=1", "retry_after_ms=250"])
async def test_a_retry_waits_as_long_as_the_provider_asks(simulator, wait):
    async with Stand(simulator, [model("small", "a")]).running() as running:
        (reply,) = await running.ask(asked(simulate=f"429;{wait},ok"))
        told = await running.reconciled()
    first, second = [entry["arrived_ns"] for entry in told.books]
    assert reply.headgate.status is Status.COMPLETED
    assert (second - first) / 1e9 >= (1.0 if wait == "retry_after=1" else 0.25)


@pytest.mark.parametrize("fault", ["429;retry_after=60", "quota"])
async def test_who_cannot_be_served_before_the_deadline_is_told_at_once(simulator, fault):
    async with Stand(simulator, [model("small", "a")]).running() as running:
        (reply,) = await running.ask(asked(simulate=f"{fault},ok", deadline=30))
        told = await running.reconciled()
    assert told.called == ["a"]
    assert (reply.headgate.status, reply.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("fault", ["401", "403", "quota"])
async def test_a_credential_that_is_at_fault_is_left_alone_and_its_requests_go_elsewhere(simulator, fault):
    async with Stand(simulator, [model("small", "a", "b", strategy="fallback")]).running() as running:
        await running.ask(asked(1, simulate=f"{fault},ok"))
        (reply,) = await running.ask(asked(2))
        told = await running.reconciled()
    assert told.called == ["a", "b", "b"]
    assert reply.headgate.attempts == 1


@pytest.mark.parametrize(
    ("fault", "ways", "to"),
    [
        ("context_length_exceeded", {"context_window_fallbacks": ["long"], "fallbacks": ["other"]}, "long"),
        ("content_filter", {"content_policy_fallbacks": ["lenient"], "fallbacks": ["other"]}, "lenient"),
        ("503*2", {"status_fallbacks": {"5xx": ["other"]}, "fallbacks": ["long"], "retries": 1}, "other"),
        ("cut*2", {"fallbacks": ["other"], "retries": 1}, "other"),
    ],
)
async def test_a_fault_has_its_own_way_to_another_model(simulator, fault, ways, to):
    others = [model(name, f"{name}-1") for name in ("long", "lenient", "other")]
    async with Stand(simulator, [model("small", "a", **ways), *others]).running() as running:
        (reply,) = await running.ask(asked(simulate=f"{fault},ok"))
        await running.reconciled()
        attempts = running.attempts()
    assert (reply.headgate.status, reply.headgate.model) == (Status.COMPLETED, to)
    assert attempts[-1] == well(f"{to}-1", FALLBACK)
    assert [cause for _, cause, _, _ in attempts[:-1]] == [FIRST, RETRY][: len(attempts) - 1]


async def test_what_is_surely_too_long_goes_to_a_longer_model_before_anybody_is_called(simulator):
    small = model("small", deployment("a", context_window=50), context_window_fallbacks=["tight", "long"])
    models = [small, model("tight", deployment("t", context_window=60)), model("long", deployment("l"))]
    words = [{"role": "user", "content": "word " * 200}]
    async with Stand(simulator, models).running() as running:
        (reply,) = await running.ask(asked(body={"messages": words}))
        await running.reconciled()
        assert running.attempts() == [well("l", FALLBACK)]
    assert (reply.headgate.status, reply.headgate.model) == (Status.COMPLETED, "long")


async def test_all_attempts_together_stay_within_the_retries_and_the_last_failure_is_told(simulator):
    models = [model("small", "a", "b", strategy="fallback", retries=2, fallbacks=["large"]), model("large", "c")]
    async with Stand(simulator, models).running() as running:
        (reply,) = await running.ask(asked(simulate="503*"))
        told = await running.reconciled()
        causes = [cause for _, cause, _, _ in running.attempts()]
    assert told.called == ["a", "b", "a", "c"]
    assert causes == [FIRST, RETRY, RETRY, FALLBACK]
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.OVERLOADED)


async def test_a_mean_script_costs_no_more_than_it_says(simulator):
    """All faults of a bad day, one after the other, at one request."""
    script = "429,500,503,529,timeout=2000,cut,malformed,error_in_200,ok"
    async with Stand(simulator, [model("small", "a", "b", retries=8, strategy="fallback")]).running() as running:
        (reply,) = await running.ask(asked(simulate=script))
        told = await running.reconciled()
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.COMPLETED, 9)
    assert told.called == ["a", "b"] * 4 + ["a"]


# Strategies


async def firsts(stand, *requests):
    """Who is asked first, request by request, one after the other."""
    async with stand.running() as running:
        for request in requests:
            (reply,) = await running.ask(request)
            assert reply.headgate.status is Status.COMPLETED
        told = await running.reconciled()
    first = {}
    for entry in told.books:
        first.setdefault(entry["request"], entry["model"].removeprefix("m-"))
    return [first[f"r{number}"] for number in range(1, len(requests) + 1)]


def many(count, **fields):
    return [asked(number, **fields) for number in range(1, count + 1)]


async def test_single_asks_one_and_no_other(simulator):
    stand = Stand(simulator, [model("small", "a", "b", strategy="single", targets=[{"deployment": "b"}], retries=1)])
    async with stand.running() as running:
        (reply,) = await running.ask(asked(simulate="503*"))
        told = await running.reconciled()
    assert told.called == ["b", "b"]
    assert reply.headgate.status is Status.FAILED


async def test_fallback_asks_in_the_order_of_the_config(simulator):
    async with Stand(simulator, [model("small", "c", "a", "b", strategy="fallback")]).running() as running:
        await running.ask(asked(simulate="503,cut,ok"))
        told = await running.reconciled()
        assert running.attempts() == [
            ("c", FIRST, FAILED, Code.OVERLOADED),
            ("a", RETRY, UNCERTAIN, Code.CONNECTION_CUT),
            well("b", RETRY),
        ]
    assert told.called == ["c", "a", "b"]


async def test_weighted_asks_by_weight_and_a_weight_of_nothing_last(simulator):
    listed = [deployment("a", weight=3), deployment("b", weight=1), deployment("last", weight=0)]
    got = Counter(await firsts(Stand(simulator, [model("small", *listed)]), *many(60)))
    assert set(got) == {"a", "b"}
    assert got["a"] > got["b"] > 5
    async with Stand(simulator, [model("small", *listed)]).running() as running:
        await running.ask(asked(simulate="503,503,ok"))
        told = await running.reconciled()
    assert told.called[-1] == "last"


async def test_round_robin_asks_in_turns(simulator):
    got = await firsts(Stand(simulator, [model("small", "a", "b", "c", strategy="round-robin")]), *many(9))
    assert Counter(got) == {"a": 3, "b": 3, "c": 3}
    assert all(len(set(got[at : at + 3])) == 3 for at in range(7))


async def test_least_busy_asks_who_has_the_least_to_do(simulator):
    async with Stand(simulator, [model("small", "a", "b", "c", strategy="least-busy")]).running() as running:
        for number in range(1, 7):
            await running.send(asked(number, simulate="latency=150"))
            while len(running.books()) < number:
                await _turn()
        await running.replies(6)
        told = await running.reconciled()
    assert Counter(told.called) == {"a": 2, "b": 2, "c": 2}
    assert set(told.called[:3]) == {"a", "b", "c"}


async def test_lowest_latency_asks_the_fastest_once_all_are_known(simulator, slow_simulator):
    route = {"strategy": "lowest-latency", "explore": 0}
    stand = Stand(simulator, [model("small", "a", "b", **route)], elsewhere={"a": slow_simulator})
    got = await firsts(stand, *many(14))
    assert {"a", "b"} == set(got), "nobody knows before each was asked"
    known = max(got.index("a"), got.index("b")) + 1
    assert set(got[known:]) == {"b"}


async def test_lowest_cost_asks_where_this_request_is_cheapest_and_the_dearer_next(simulator):
    listed = [deployment("a", cost=9), deployment("b", cost=1), deployment("c", cost=3)]
    async with Stand(simulator, [model("small", *listed, strategy="lowest-cost")]).running() as running:
        await running.ask(asked(simulate="503,503,ok"))
        told = await running.reconciled()
    assert told.called == ["b", "c", "a"]


async def test_usage_based_asks_who_has_most_of_its_limit_left(simulator):
    stand = Stand(simulator, [model("small", "a", "b", strategy="usage-based")], left={"m-a": 10, "m-b": 90})
    got = await firsts(stand, *many(12))
    known = max(got.index("a"), got.index("b")) + 1
    assert set(got[known:]) == {"b"}


@pytest.mark.parametrize(("unit", "each"), [("requests_per_minute", 1), ("tokens_per_minute", 26)])
async def test_usage_based_fills_the_limits_of_the_config_and_nobody_waits(simulator, unit, each):
    listed = [deployment(name, limits={unit: size * each, "burst": 1}) for name, size in (("a", 4), ("b", 12))]
    async with Stand(simulator, [model("small", *listed, strategy="usage-based")]).running() as running:
        replies = await running.ask(*many(16))
        told = await running.reconciled()
    assert Counter(told.called) == {"a": 4, "b": 12}
    assert all(reply.headgate.status is Status.COMPLETED for reply in replies)


async def test_usage_based_avoids_whose_limit_others_have_used(simulator):
    limits = {"requests_per_hour": 20, "burst": 1}
    listed = [deployment(name, limits=limits) for name in "ab"]
    async with Stand(simulator, [model("small", *listed, strategy="usage-based")]).running() as running:
        await running.elsewhere_taken("a", 14)
        got = [(await running.ask(each))[0].headgate.deployment for each in many(18)]
        await running.reconciled()
    known = got.index("a") + 1
    assert set(got[known : known + 10]) == {"b"}, "until as much is left of both"
    assert Counter(got) == {"a": 2, "b": 16}


async def test_conditional_asks_whom_the_first_condition_names_and_nobody_else(simulator):
    route = {
        "strategy": "conditional",
        "conditions": [{"when": {"metadata.tier": "gold"}, "then": "b"}],
        "default": "a",
        "targets": [{"deployment": "a"}, {"deployment": "b"}],
        "retries": 1,
    }
    async with Stand(simulator, [model("small", "a", "b", **route)]).running() as running:
        gold, plain = await running.ask(asked(1, metadata={"tier": "gold"}, simulate="503*"), asked(2))
        await running.reconciled()
        assert [name for name, *_ in running.attempts("r1")] == ["b", "b"]
        assert running.attempts("r2") == [well("a")]
    assert (gold.headgate.status, plain.headgate.status) == (Status.FAILED, Status.COMPLETED)


async def test_sticky_asks_the_same_for_the_same_and_another_when_it_fails(simulator):
    stand = Stand(simulator, [model("small", "a", "b", "c", strategy="sticky", sticky_on=["metadata.talk"])])
    requests = [asked(nr, metadata={"talk": f"t{nr % 6}"}) for nr in range(1, 25)]
    got = await firsts(stand, *requests)
    by_talk = {talk: {got[nr - 1] for nr in range(1, 25) if nr % 6 == talk} for talk in range(6)}
    assert all(len(asked_) == 1 for asked_ in by_talk.values())
    assert len(set(got)) > 1
    async with stand.running() as running:
        await running.ask(asked(1, metadata={"talk": "t1"}, simulate="503,ok"))
        told = await running.reconciled()
    assert told.called[0] == got[0]
    assert told.called[1] != got[0]


async def test_canary_asks_the_new_one_for_its_share_and_the_old_one_when_it_fails(simulator):
    targets = [{"deployment": "a"}, {"deployment": "new", "share": 0.25}]
    stand = Stand(simulator, [model("small", "a", "new", strategy="canary", targets=targets)])
    got = await firsts(stand, *many(60))
    assert 5 <= got.count("new") <= 25
    number = got.index("new") + 1
    async with stand.running() as running:
        await running.ask(asked(number, simulate="503,ok"))
        told = await running.reconciled()
    assert told.called == ["new", "a"]


async def test_shadow_sends_a_copy_whose_answer_nobody_is_given(simulator):
    models = [model("small", "a", shadow={"model": "new", "share": 0.5}), model("new", "n", retries=1)]
    async with Stand(simulator, models).running() as running:
        replies = await running.ask(*many(30))
        copied = len([record for record in running.bus.published if record.topic == TOPICS.deferred("10s")])
        copies = await running.replies(copied, TOPICS.shadows)
        told = await running.reconciled()
    assert 6 <= copied <= 24
    assert Counter(told.called) == {"a": 30, "n": copied}
    assert {reply.headgate.status for reply in (*replies, *copies)} == {Status.COMPLETED}
    assert Counter(event.cause for event in told.events) == {Cause.FIRST: 30, Cause.SHADOW: copied}


async def test_shadow_that_fails_is_tried_and_billed_for_itself(simulator):
    models = [model("small", "a", shadow={"model": "new"}), model("new", "n", "o", strategy="fallback", retries=1)]
    async with Stand(simulator, models).running() as running:
        (reply,) = await running.ask(asked(simulate="ok,malformed,cut*"))
        # a copy has a name of its own, and so meets the script from its beginning
        (copy,) = await running.replies(1, TOPICS.shadows)
        await running.ask(asked(2, simulate="malformed,ok"))
        (_, other) = await running.replies(2, TOPICS.shadows)
        told = await running.reconciled()
        assert running.attempts("r2+shadow") == [
            ("n", SHADOW, UNCERTAIN, Code.MALFORMED_RESPONSE),
            well("o", SHADOW),
        ]
    assert (reply.headgate.attempts, copy.headgate.attempts, other.headgate.attempts) == (1, 1, 2)
    assert all(event.cost_nano > 0 for event in told.events)


async def test_hedge_asks_a_second_where_the_first_is_slow_and_bills_both(simulator):
    route = {"strategy": "fallback", "hedge": {"after": "60ms"}}
    stand = Stand(simulator, [model("small", "a", "b", **route)], timeout="5s")
    async with stand.running() as running:
        slow, quick = await running.ask(asked(1, simulate="latency=3000,ok"), asked(2))
        told = await running.reconciled()
        assert running.attempts("r1") == [("a", FIRST, UNCERTAIN, Code.HEDGED), well("b", RETRY)]
        assert running.attempts("r2") == [well("a")]
    assert (slow.headgate.deployment, quick.headgate.deployment) == ("b", "a")
    assert sum(entry["billed"] for entry in told.books) == 3
    assert slow.headgate.cost_nano > quick.headgate.cost_nano > 0


async def test_nested_targets_are_asked_branch_by_branch_with_their_parameters(simulator):
    targets = [
        {"strategy": "weighted", "targets": [{"deployment": "a", "weight": 1}, {"deployment": "b", "weight": 0}]},
        {"deployment": "c", "params": {"max_tokens": 3}},
    ]
    async with Stand(simulator, [model("small", "a", "b", "c", strategy="fallback", targets=targets)]).running() as it:
        (reply,) = await it.ask(asked(simulate="503,503,ok"))
        told = await it.reconciled()
    assert told.called == ["a", "b", "c"]
    assert reply.headgate.tokens.output <= 3


# Circuits


async def test_a_deployment_that_keeps_failing_is_left_alone_tried_once_and_used_again(simulator):
    breaker = {"minimum": 4, "failure_ratio": 0.5, "window": "5s", "cooldown": "300ms"}
    numbers = itertools.count(1)
    models = [model("small", "a", "b", strategy="fallback", breaker=breaker)]
    async with Stand(simulator, models).running() as running:
        for _ in range(4):
            await running.ask(asked(next(numbers), simulate="500,ok"))
        await running.ask(*[asked(next(numbers)) for _ in range(10)])
        open_ = running.books()[8:]
        assert Counter(entry["model"] for entry in open_) == {"m-b": 10}, "the circuit is open: nobody asks a"
        target = next(iter(running.gateway._vitals._targets.values()))
        circuits = running.gateway._ports.circuits
        while circuits.opens_in(target) > 0:
            await _turn()
        await running.ask(asked(next(numbers)))
        await running.ask(*[asked(next(numbers)) for _ in range(10)])
        told = await running.reconciled()
    assert told.called[-11:] == ["a"] * 11
    assert {event.outcome for event in told.events} == {Outcome.FAILED, Outcome.SUCCEEDED}


@pytest.mark.parametrize("fault", ["503", "429", "529"])
async def test_a_little_traffic_goes_elsewhere_at_once_though_no_circuit_opens(simulator, slow_simulator, fault):
    """The first deployment is asked less and less; who would have to wait for that is answered by the second."""
    numbers = itertools.count(1)
    listed = model("small", "a", "b", strategy="fallback", breaker={"minimum": 1_000})
    async with Stand(simulator, [listed], elsewhere={"a": slow_simulator}).running() as running:
        slow_simulator._provider.outages.start(Outage(fault, parse_fault(fault), 1.0))
        for _ in range(30):
            replies = await running.ask(*[asked(next(numbers)) for _ in range(3)])
            assert {reply.headgate.deployment for reply in replies} == {"b"}
        told = await running.reconciled()
    times = [entry["arrived_ns"] for entry in told.books]
    assert told.called.count("a") < 40
    assert (max(times) - min(times)) / 1e9 < 10, "it takes a few milliseconds, and minutes where it waits"


async def test_a_deployment_that_has_healed_takes_its_traffic_back(simulator):
    """What its brake fell to in the outage says nothing of what it takes now."""
    breaker = {"minimum": 4, "failure_ratio": 0.5, "window": "5s", "cooldown": "300ms"}
    numbers = itertools.count(1)
    async with Stand(simulator, [model("small", "a", "b", strategy="fallback", breaker=breaker)]).running() as running:
        await running.ask(*[asked(next(numbers), simulate="503,ok") for _ in range(8)])
        assert running.gateway._ports.brakes.limits["a"] < 8
        while running.books()[-1]["model"] != "m-a":
            await running.ask(asked(next(numbers)))
        assert running.gateway._ports.brakes.limits["a"] >= 8
        await running.ask(*[asked(next(numbers)) for _ in range(8)])
        told = await running.reconciled()
    assert told.called[-8:] == ["a"] * 8


async def test_with_nowhere_else_requests_are_parked_until_the_circuit_closes(simulator):
    breaker = {"minimum": 2, "failure_ratio": 0.5, "window": "5s", "cooldown": "300ms", "max_cooldown": "300ms"}
    extra = {"admission": {"wait_in_memory": "100ms"}}
    models = [model("small", "a", breaker=breaker, retries=1)]
    async with Stand(simulator, models, extra=extra).running() as running:
        replies = await running.ask(*[asked(number, simulate="500,ok") for number in range(1, 5)])
        told = await running.reconciled()
        parked = [record for record in running.bus.published if record.topic.startswith("headgate.deferred.")]
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}
    assert parked
    assert all(entry["model"] == "m-a" for entry in told.books)


async def _turn():
    await asyncio.sleep(0.002)
