"""Whatever wire the simulator speaks: the gateway reads what the books say, and a fault means the same everywhere."""

import json

import pytest

from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.auth import authorized
from headgate.routing.providers.families import FAMILIES
from headgate.schemas.failures import Code
from headgate.schemas.request import Endpoint
from headgate.workers.simulator import Kind, Outcome, SimulatorConfig, parse_fault
from headgate.workers.simulator.desk import Desk
from headgate.workers.simulator.outages import Outage
from headgate.workers.simulator.provider import Provider
from support.simulated import PLAYED, answered, asked_of, spoken
from support.wire import asked

#: What the gateway takes each fault for; where a wire has no words for the difference, what it is then.
MEANINGS = {
    Kind.RATE_LIMITED: Code.RATE_LIMITED,
    Kind.QUOTA: Code.QUOTA_EXHAUSTED,
    Kind.CAPACITY: Code.CAPACITY,
    Kind.SERVER_ERROR: Code.PROVIDER_ERROR,
    Kind.OVERLOADED: Code.OVERLOADED,
    Kind.SITE_OVERLOADED: Code.OVERLOADED,
    Kind.BAD_REQUEST: Code.BAD_REQUEST,
    Kind.UNAUTHORIZED: Code.AUTHENTICATION,
    Kind.FORBIDDEN: Code.PERMISSION,
    Kind.MODEL_NOT_FOUND: Code.UPSTREAM_NOT_FOUND,
    Kind.CONTEXT_LENGTH: Code.CONTEXT_LENGTH,
    Kind.CONTENT_FILTER: Code.CONTENT_POLICY,
}
#: Their errors have a status and a text, and no text of theirs is known for it.
WITHOUT_WORDS = {
    ("cohere", Kind.CONTENT_FILTER): Code.BAD_REQUEST,
    ("voyage", Kind.CONTENT_FILTER): Code.BAD_REQUEST,
    ("jina", Kind.CONTENT_FILTER): Code.BAD_REQUEST,
    **{(played.wire, Kind.CAPACITY): Code.OVERLOADED for played in PLAYED if played.wire != "openai"},
}
#: Where a prompt that is filtered gets an answer which says so.
FILTERED_ANSWERS = {"anthropic", "vertex-anthropic", "gemini", "vertex", "bedrock-converse"}

wires = pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.wire)


@pytest.fixture
def provider():
    return Provider(SimulatorConfig(cached_rate=1.0))


def carried_out(provider, played, endpoint, body, **headers):
    """Encode a request, have it answered, and decode the answer, as a gateway does."""
    family, target = FAMILIES[played.wire], played.target()
    request = asked({"model": "small", **body}, endpoint)
    call = family.encode(request, target)
    call = authorized(call, target.service.auth, "sk-any", target.service.headers)
    return family.decode(answered(Desk(provider), call, **headers), request, target)


def billed(provider):
    entry = list(provider.books.entries())[-1]
    return {
        "input": entry.input_tokens,
        "cached": entry.cached_tokens,
        "cache_write": entry.cache_write_tokens,
        "output": entry.output_tokens,
        "reasoning": entry.reasoning_tokens,
        "units": entry.units,
    }


def told(tokens):
    counts = {name: getattr(tokens, name) for name in ("input", "cached", "cache_write", "output", "reasoning")}
    return counts | {"units": getattr(tokens, "counted_units", None)}


@wires
def test_what_the_gateway_reads_is_what_the_books_say(provider, played):
    spoken(played)
    for endpoint, body in asked_of(played):
        done = carried_out(provider, played, endpoint, body)
        assert isinstance(done, Completion), (endpoint, body, done)
        read, written = told(done.tokens), billed(provider)
        if read["units"] is None:
            del read["units"], written["units"]
        assert read == written, (endpoint, body)


@wires
def test_a_chat_is_answered_in_openais_shape(provider, played, openapi):
    if "chat" not in spoken(played).endpoints:
        pytest.skip(f"{played.wire} has no chat")
    for endpoint, body in asked_of(played):
        if endpoint is Endpoint.CHAT:
            done = carried_out(provider, played, endpoint, body)
            said = json.loads(done.body)
            openapi("CreateChatCompletionResponse", said)
            [choice] = said["choices"]
            expected = "tool_calls" if "tool_choice" in body else "length" if body.get("max_tokens") == 9 else "stop"
            assert choice["finish_reason"] == expected
            if "tool_choice" in body:
                [call] = choice["message"]["tool_calls"]
                assert call["function"]["name"] == "look_up"
                assert set(json.loads(call["function"]["arguments"])) == {"answer"}
            if "response_format" in body:
                assert set(json.loads(choice["message"]["content"])) == {"answer"}


@wires
@pytest.mark.parametrize("kind", MEANINGS)
def test_a_fault_means_the_same_on_every_wire(provider, played, kind):
    endpoint, body = next(asked_of(spoken(played)))
    done = carried_out(provider, played, endpoint, body, x_headgate_simulate=kind.value)
    entry = list(provider.books.entries())[-1]
    assert (entry.outcome, entry.fault) == (Outcome.ERROR, kind)
    if kind is Kind.CONTENT_FILTER and played.wire in FILTERED_ANSWERS:
        assert json.loads(done.body)["choices"][0]["finish_reason"] == "content_filter"
        assert told(done.tokens) | {"units": 0} == billed(provider)
        assert entry.input_tokens > entry.output_tokens == 0
        return
    assert isinstance(done, Setback)
    assert done.failure.code is WITHOUT_WORDS.get((played.wire, kind), MEANINGS[kind])
    assert not entry.billed


@wires
@pytest.mark.parametrize("code", [429, 503, 500])
def test_an_error_in_a_200_is_one_on_every_wire(provider, played, code):
    endpoint, body = next(asked_of(spoken(played)))
    done = carried_out(provider, played, endpoint, body, x_headgate_simulate=f"error_in_200={code}")
    assert isinstance(done, Setback)
    assert list(provider.books.entries())[-1].status == 200


@wires
@pytest.mark.parametrize(("fault", "seconds"), [("429;retry_after=2", 2), ("429;retry_after_ms=250", 0.25)])
def test_every_wire_says_when_to_come_back(provider, played, fault, seconds):
    endpoint, body = next(asked_of(spoken(played)))
    done = carried_out(provider, played, endpoint, body, x_headgate_simulate=fault)
    assert (done.failure.code, done.retry_after) == (Code.RATE_LIMITED, seconds)


@wires
def test_a_script_in_a_header_is_used_up_step_by_step(provider, played):
    endpoint, body = next(asked_of(spoken(played)))
    kinds = []
    for _ in range(3):
        carried_out(provider, played, endpoint, body, x_headgate_simulate="503,429", x_headgate_request="r1")
        kinds.append(list(provider.books.entries())[-1].fault)
    assert kinds == [Kind.OVERLOADED, Kind.RATE_LIMITED, Kind.OK]


@wires
def test_an_outage_is_met_on_every_wire(provider, played):
    endpoint, body = next(asked_of(spoken(played)))
    provider.outages.start(Outage("503", parse_fault("503"), 1.0, None))
    assert carried_out(provider, played, endpoint, body).failure.code is Code.OVERLOADED


@wires
def test_a_key_is_shown_as_the_wire_shows_it(played):
    endpoint, body = next(asked_of(spoken(played)))
    assert isinstance(carried_out(Provider(SimulatorConfig(api_key="sk-any")), played, endpoint, body), Completion)
    other = carried_out(Provider(SimulatorConfig(api_key="sk-other")), played, endpoint, body)
    assert other.failure.code is Code.AUTHENTICATION


@wires
def test_the_same_seed_and_request_are_the_same_answer(played):
    for endpoint, body in asked_of(spoken(played)):
        one, same = (carried_out(Provider(SimulatorConfig(seed=3)), played, endpoint, body) for _ in range(2))
        assert one == same
    other = carried_out(Provider(SimulatorConfig(seed=4)), played, endpoint, body)
    assert other != same or endpoint.value.endswith(("rerank", "moderations"))


@wires
def test_what_cannot_be_read_is_refused_in_the_wires_own_shape(provider, played):
    endpoint, body = next(asked_of(spoken(played)))
    target = played.target()
    call = FAMILIES[played.wire].encode(asked({"model": "small", **body}, endpoint), target)
    for text in (b"", b"{", b'{"model": 5, "contents": 5, "messages": 5, "input": 5}', b"[]", b"\xff"):
        broken = type(call)(call.url, call.headers, text)
        reply = answered(Desk(provider), broken)
        assert reply.status == 400, text
        done = FAMILIES[played.wire].decode(reply, asked({"model": "small", **body}, endpoint), target)
        assert done.failure.code is Code.BAD_REQUEST
