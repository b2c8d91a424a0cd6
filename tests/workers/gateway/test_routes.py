"""Retries, fallbacks and closed circuits, on a gateway whose peers are in memory."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from headgate.routing.admission.verdict import Busy
from headgate.routing.http import HttpReply
from headgate.routing.service import Service
from headgate.routing.target import Fallbacks, Plan, RetryPolicy
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.topics import Tier
from headgate.schemas.usage import Cause, Outcome
from support.gateways import TOPICS, Bench, Provider, answered, chat, config_of, target


def refused(status, code=None, **headers):
    return HttpReply(status, headers, json.dumps({"error": {"message": "no", "code": code}}).encode())


class Fuses:
    """Circuits that a test opens and closes: by deployment, when it opens again."""

    def __init__(self, time, **closed_until):
        self.time = time
        self.closed_until = closed_until
        self.probing = set()
        self.heard = []
        self.changed = None

    def listen(self, changed):
        self.changed = changed

    def is_out(self, target, _):
        return self.opens_in(target) > 0

    def opens_in(self, target):
        return max(0.0, self.closed_until.get(target.id, 0) - self.time.at)

    def armed(self, target, _):
        return target

    async def may_begin(self, target, *_):
        return target.id not in self.probing

    def not_begun(self, target, call):
        self.heard.append((target.id, call))

    def ended(self, target, end):
        self.heard.append((target.id, type(end.result).__name__, end.alone))


def large(name="large-1", **changes):
    return Plan((target(name, upstream_model="gpt-4o", **changes),), RetryPolicy())


def deployments(events):
    return [(event.deployment, event.cause, event.outcome) for event in events]


async def test_after_its_retries_a_request_goes_to_another_model_and_each_attempt_says_why():
    provider = Provider(refused(500), refused(500), answered())
    policy, ways = RetryPolicy(retries=1), Fallbacks(("large",))
    async with Bench(provider, policy=policy, fallbacks=ways, models={"large": large()}) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert deployments(events) == [
        ("d1", Cause.FIRST, Outcome.FAILED),
        ("d1", Cause.RETRY, Outcome.FAILED),
        ("large-1", Cause.FALLBACK, Outcome.SUCCEEDED),
    ]
    assert [event.model for event in events] == ["small", "small", "large"]
    assert (reply.headgate.status, reply.headgate.attempts, reply.headgate.model) == (Status.COMPLETED, 3, "large")


async def test_what_is_too_long_for_a_model_goes_to_a_longer_one_without_a_retry():
    provider = Provider(refused(400, "context_length_exceeded"), answered())
    ways = Fallbacks(("wrong",), context_window=("large",))
    async with Bench(provider, fallbacks=ways, models={"large": large()}) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.deployment, reply.headgate.attempts) == ("large-1", 2)


async def test_an_answer_that_was_received_is_never_paid_for_again():
    provider = Provider(answered())
    async with Bench(provider, fallbacks=Fallbacks(("large",)), models={"large": large()}) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
    assert len(provider.calls) == 1


async def test_a_model_that_cannot_be_asked_is_passed_over():
    provider = Provider(refused(500), answered())
    ways = Fallbacks(("unknown", "large"))
    async with Bench(provider, policy=RetryPolicy(0), fallbacks=ways, models={"large": large()}) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.model == "large"


async def test_two_models_that_name_each_other_end():
    ways, back = Fallbacks(("large",)), Fallbacks(("small",))
    models = {"large": replace(large(), fallbacks=back)}
    provider = Provider(*[refused(500)] * 50)
    async with Bench(provider, policy=RetryPolicy(2), fallbacks=ways, models=models) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.FAILED, 4)
    assert len(provider.calls) == 4


async def test_another_deployment_is_asked_at_once_when_a_credential_fails():
    provider = Provider(refused(401, "invalid_api_key"), answered())
    async with Bench(provider, targets=(target("a"), target("b"))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert [event.code for event in events] == ["authentication", None]
    assert reply.headgate.status is Status.COMPLETED
    assert bench.time.slept == []


NO_CHAT = Service(paths={})


async def test_a_deployment_that_cannot_honour_a_request_is_not_called_and_the_next_one_is():
    provider = Provider()
    async with Bench(provider, targets=(target("a", service=NO_CHAT), target("b"))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        events = bench.events()
    assert (reply.headgate.deployment, reply.headgate.attempts) == ("b", 1)
    assert deployments(events) == [("b", Cause.FIRST, Outcome.SUCCEEDED)]


async def test_where_no_deployment_can_honour_it_nobody_is_called_and_the_reply_says_why():
    provider = Provider()
    async with Bench(provider, targets=(target("a", service=NO_CHAT), target("b", service=NO_CHAT))) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert provider.calls == []
    assert (reply.headgate.status, reply.error.code) == (Status.FAILED, Code.UNSUPPORTED_ENDPOINT)
    assert (event.outcome, event.code) == (Outcome.REFUSED, "unsupported_endpoint")


async def test_a_closed_deployment_is_passed_over():
    bench = Bench(Provider(), targets=(target("a"), target("b", weight=0)))
    bench.circuits = Fuses(bench.time, a=bench.time.at + 100)
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.deployment == "b"


async def test_where_all_are_closed_for_a_moment_the_request_waits_in_memory():
    bench = Bench(Provider())
    bench.circuits = Fuses(bench.time, d1=bench.time.at + 4)
    async with bench:
        began = bench.time.at
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert bench.time.at == began + 4
    assert (reply.headgate.status, reply.headgate.attempts) == (Status.COMPLETED, 1)
    assert bench.circuits.heard == [("d1", "Completion", True)]


async def test_where_all_are_closed_for_long_the_request_is_parked_and_runs_when_they_open():
    bench = Bench(Provider())
    bench.circuits = Fuses(bench.time, d1=bench.time.at + 100)
    async with bench:
        began = bench.time.at
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        parked = bench.bus.on(TOPICS.deferred(Tier.MINUTE))
    assert len(parked) == 1
    assert bench.time.at >= began + 100
    assert reply.headgate.status is Status.COMPLETED


async def test_where_all_are_closed_past_the_deadline_the_request_is_told_at_once():
    bench = Bench(Provider())
    bench.circuits = Fuses(bench.time, d1=bench.time.at + 100)
    async with bench:
        began = bench.time.at
        await bench.send(chat(1, deadline=50))
        (reply,) = await bench.replies(1)
    assert bench.time.at == began
    assert (reply.headgate.status, reply.error.code) == (Status.EXPIRED, Code.DEADLINE_EXCEEDED)
    assert "08:01:40" in reply.error.expected, "100 seconds later"


async def test_another_model_is_asked_while_all_are_closed():
    bench = Bench(Provider(), fallbacks=Fallbacks(("large",)), models={"large": large()})
    bench.circuits = Fuses(bench.time, d1=bench.time.at + 100)
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.model, reply.headgate.attempts) == ("large", 1)


async def test_a_deployment_that_is_being_tried_by_somebody_else_is_looked_at_again():
    bench = Bench(Provider())
    fuses = bench.circuits = Fuses(bench.time)
    fuses.probing.add("d1")
    async with bench:
        await bench.send(chat(1))
        while not bench.time.slept:  # noqa: ASYNC110 - the clock tells nobody
            await asyncio.sleep(0)
        fuses.probing.clear()
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.COMPLETED


async def test_who_waits_for_a_closed_deployment_goes_when_it_is_heard_that_it_is_open():
    bench = Bench(Provider())
    fuses = bench.circuits = Fuses(bench.time, d1=bench.time.at + 9)

    async def healed(_seconds):
        """The wait is not over by itself."""
        fuses.closed_until = {}
        asyncio.get_running_loop().call_soon(fuses.changed, ["d1"])
        await asyncio.Event().wait()

    bench.time.sleep = healed
    async with bench:
        await bench.send(*[chat(number) for number in range(3)])
        replies = await bench.replies(3)
    assert {reply.headgate.status for reply in replies} == {Status.COMPLETED}


async def test_a_deployment_that_somebody_else_tries_is_not_waited_for_where_another_is_open():
    bench = Bench(Provider(), targets=(target("a"), target("b", weight=0)))
    fuses = bench.circuits = Fuses(bench.time)

    async def denied(chosen, *_):
        """Whoever asks hears that it is being tried."""
        fuses.closed_until = {"a": bench.time.at + 10}
        return chosen.id != "a"

    fuses.may_begin = denied
    async with bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.headgate.deployment, reply.headgate.attempts) == ("b", 1)
    assert bench.time.slept == []


@pytest.mark.parametrize("limits", [{"parallel": 1}, {"requests_per_second": 1}])
async def test_who_waits_for_room_at_a_deployment_that_fails_meanwhile_goes_elsewhere(limits):
    """And what was kept for it there is given back."""
    deployment = {"id": "a", "provider": "openai", "model": "m", "limits": limits}
    config = config_of(providers={"openai": {}}, models=[{"name": "small", "deployments": [deployment]}])
    bench = Bench(Provider(), targets=(target("a"), target("b", weight=0)), config=config)
    fuses, given_back = Fuses(bench.time), []
    bench.circuits = fuses
    bench.admission.cancel = lambda _, ticket_us: given_back.append(ticket_us)

    async def failing():
        await bench.time.sleep(0.5)
        assert bench.gateway.waiting == 3
        fuses.closed_until = {"a": bench.time.at + 600}
        fuses.changed([])
        return refused(500)

    bench.provider.steps = [failing]
    async with bench:
        began = bench.time.at
        await bench.send(*[chat(number) for number in range(4)])
        replies = await bench.replies(4)
        events = bench.events()
    assert bench.time.at - began < 1
    assert {reply.headgate.deployment for reply in replies} == {"b"}
    assert [event.deployment for event in events].count("a") == 1, "nobody was sent where all calls fail"
    assert len(given_back) == ("parallel" not in limits), "one at a time has a slot"


async def test_who_is_about_to_wait_at_a_deployment_that_has_failed_meanwhile_goes_elsewhere():
    """It fails while the store is asked: who does not sleep yet is not woken."""
    deployment = {"id": "a", "provider": "openai", "model": "m", "limits": {"parallel": 1}}
    config = config_of(providers={"openai": {}}, models=[{"name": "small", "deployments": [deployment]}])
    bench = Bench(Provider(), targets=(target("a"), target("b", weight=0)), config=config)
    fuses = bench.circuits = Fuses(bench.time)

    async def slow():
        await bench.time.sleep(30)
        return answered()

    async def acquire(demands, ask=bench.admission.acquire):
        verdicts = await ask(demands)
        if any(isinstance(verdict, Busy) for verdict in verdicts):
            fuses.closed_until = {"a": bench.time.at + 600}
        return verdicts

    bench.admission.acquire = acquire
    bench.provider.steps = [slow]
    async with bench:
        await bench.send(chat(1), chat(2))
        replies = {reply.custom_id: reply.headgate for reply in await bench.replies(2)}
    assert (replies["c2"].deployment, replies["c2"].queue_ms) == ("b", 0)


async def test_those_who_wait_for_a_closed_deployment_do_not_fill_the_memory():
    bench = Bench(Provider(), in_flight=8)
    bench.circuits = Fuses(bench.time, d1=bench.time.at + 9)
    async with bench:
        await bench.send(*[chat(number) for number in range(20)])
        replies = await bench.replies(20)
        parked = bench.bus.on(TOPICS.deferred(Tier.SECONDS_10))
    assert len(replies) == 20
    assert len(parked) >= 18, "a quarter of the room may wait for one deployment"


@pytest.mark.parametrize("retries", [0, 1, 5])
async def test_all_attempts_together_stay_within_one_budget_of_retries(retries):
    provider = Provider(*[refused(503)] * 100)
    models = {"m1": large("m1-a"), "m2": large("m2-a")}
    ways = Fallbacks(("m1", "m2"))
    async with Bench(provider, policy=RetryPolicy(retries), fallbacks=ways, models=models) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert len(provider.calls) == 1 + retries + 2 == reply.headgate.attempts


async def test_a_fallback_to_a_deployment_of_the_model_s_own_name_asks_for_that_model():
    """The body as it came names the first one."""
    provider = Provider(refused(500), answered())
    async with Bench(
        provider, policy=RetryPolicy(0), fallbacks=Fallbacks(("gpt-4o",)), models={"gpt-4o": large()}
    ) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
    assert [json.loads(call.body)["model"] for call in provider.calls] == ["gpt-4o-mini", "gpt-4o"]
