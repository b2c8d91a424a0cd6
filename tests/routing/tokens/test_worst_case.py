"""What is held for an attempt is never too little."""

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headgate.routing.estimate import TokenEstimate, estimated_tokens
from headgate.routing.prices import Price, Rates, Tier, cost_nano, worst_cost
from headgate.routing.target import Target
from headgate.routing.tokens.bounds import PER_IMAGE, PER_TOOLS, Bounds
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.routing.tokens.vocabulary import load_vocabularies
from headgate.routing.tokens.weigh import weigh
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from headgate.workers.simulator.answers import Answers
from headgate.workers.simulator.config import SimulatorConfig
from headgate.workers.simulator.wires.switchboard import find
from support.any_body import PIXEL, any_sent, request_of

ANSWERS = Answers(SimulatorConfig())
TARGET = Target("d", "openai", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
VOCABULARIES = load_vocabularies()
exact = pytest.mark.skipif(not VOCABULARIES, reason="the extra headgate[tokens] (rs-bpe) is not installed")


def estimate(request, bounds=None):
    return TokenEstimator(bounds).estimate(request, TARGET)


def chat(**fields):
    return request_of(Endpoint.CHAT, {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | fields)


@settings(deadline=None, max_examples=100)
@given(any_sent(), st.binary(min_size=32, max_size=32))
def test_the_simulator_never_takes_more(sent, digest):
    request = sent.request
    usage = ANSWERS.write(find(request.endpoint.encode()), request.body, ANSWERS.draw(digest)).usage
    worst = estimate(request)
    if usage is not None:
        assert usage.input <= worst.worst_input
        assert usage.output <= worst.worst_output


@settings(deadline=None, max_examples=100)
@given(any_sent())
def test_a_provider_for_which_every_byte_is_a_token_never_takes_more(sent):
    bytes_ = sum(len(text.encode()) for text in sent.texts)
    around = 8 * sent.pieces if sent.request.endpoint is not Endpoint.EMBEDDINGS else 2 * len(sent.texts)
    assert bytes_ + around + 200 <= estimate(sent.request).worst_input


@exact
@settings(deadline=None, max_examples=100)
@given(any_sent(), st.sampled_from(["gpt-4o-mini", "gpt-4", "text-embedding-3-small"]))
def test_published_vocabularies_never_take_more(sent, model):
    target = Target("d", "openai", model, "openai", "http://127.0.0.1", 60.0)
    vocabulary = VOCABULARIES["o200k_base" if model == "gpt-4o-mini" else "cl100k_base"]
    true = sum(map(vocabulary.count, sent.texts)) + 4 * sent.pieces
    for estimator in (TokenEstimator(), TokenEstimator(vocabularies=VOCABULARIES)):
        assert true <= estimator.estimate(sent.request, target).worst_input


@settings(deadline=None, max_examples=100)
@given(any_sent(), st.integers(1, 1000))
def test_the_estimate_of_an_uncertain_attempt_is_neither_zero_nor_above_what_was_held(sent, output):
    bounds = Bounds(output=output)
    tokens, worst = estimated_tokens(sent.request, bounds), estimate(sent.request, bounds)
    assert 1 <= tokens.input <= worst.worst_input
    assert (sent.request.endpoint is not Endpoint.EMBEDDINGS) <= tokens.output <= worst.worst_output


ODD = [None, True, -1, 10**12, 2.5, "", "x", [], {}, [1], [[1]], [None], ["x", 2], [{}], {"type": "x"}, [{"type": 1}]]
JSON = st.sampled_from(ODD)
KNOWN = st.sampled_from(
    ["messages", "input", "tools", "n", "max_tokens", "prediction", "content", "type", "text", "functions", "prompt"]
)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(Endpoint),
    st.dictionaries(KNOWN, JSON | st.lists(st.dictionaries(KNOWN, JSON, max_size=3), max_size=2)),
)
@example(Endpoint.CHAT, {"messages": [{"content": [{"type": "text"}, "bare"]}]})
@example(Endpoint.CHAT, {"messages": [{"content": "x"}], "tools": 1})
@example(Endpoint.CHAT, {"max_tokens": -1, "n": -1})
def test_every_body_has_an_estimate_within_its_worst_case(endpoint, body):
    request = request_of(endpoint, {"model": "m"} | body)
    found, tokens = estimate(request), estimated_tokens(request)
    assert 1 <= found.input <= found.worst_input
    assert 0 <= found.output <= found.worst_output
    assert 1 <= tokens.input <= found.worst_input
    assert 0 <= tokens.output <= found.worst_output
    assert found.worst_input >= len(request.body) // 2


@given(st.binary(max_size=40))
def test_a_body_that_is_no_json_has_an_estimate(value):
    request = msgspec.structs.replace(chat(), body=value)
    assert estimate(request).worst_input >= len(value)


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, 131_072),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 20}, 20),
        ({"max_tokens": 10, "max_completion_tokens": 20}, 20),
        ({"max_output_tokens": 5}, 131_072),  # the chat wire knows no such limit
        ({"max_tokens": 0}, 131_072),
        ({"max_tokens": None}, 131_072),
        ({"max_tokens": -1}, 131_072),
        ({"max_tokens": 10, "n": 3}, 30),
        ({"max_tokens": 10, "prediction": {"type": "content", "content": "abc"}}, 10 + 37),
    ],
)
def test_output_is_bounded_by_what_the_wire_obeys(fields, output):
    assert estimate(chat(**fields)).worst_output == output


def test_output_of_a_response_is_bounded_by_its_own_limit():
    body = {"model": "m", "input": "hi", "max_output_tokens": 100, "max_tokens": 5}
    assert estimate(request_of(Endpoint.RESPONSES, body)).worst_output == 100


def test_an_embedding_has_no_output():
    found = estimate(request_of(Endpoint.EMBEDDINGS, {"model": "m", "input": "hi", "max_tokens": 100}))
    assert (found.output, found.worst_output) == (0, 0)


def test_the_config_bounds_output_that_nothing_else_bounds():
    assert estimate(chat(), Bounds(output=1_000)).worst_output == 1_000
    assert estimate(chat(max_tokens=2_000), Bounds(output=1_000)).worst_output == 2_000


def with_part(**part):
    return chat(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])


def test_media_do_not_count_by_their_bytes():
    picture = with_part(type="image_url", image_url={"url": PIXEL + "A" * 1_000_000})
    sound = with_part(type="input_audio", input_audio={"data": "A" * 1_000_000, "format": "wav"})
    assert PER_IMAGE < estimate(picture).worst_input < PER_IMAGE + 1_000
    assert 1_000_000 / 32 < estimate(sound).worst_input < 40_000
    assert estimate(picture).input < 2_000
    assert estimate(sound).input < 2_000


def test_tools_and_schemas_count_as_input():
    tools = [{"type": "function", "function": {"name": "f", "description": "x" * 4_000}}]
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"description": "x" * 4_000}}}
    assert estimate(chat(tools=tools)).worst_input > 4_000 + PER_TOOLS
    for request in (chat(tools=tools), chat(response_format=form), chat(functions=tools)):
        assert estimate(request).input > 1_000


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "video_url", "video_url": {"url": "https://example.org"}},
        {"type": "something_new"},
    ],
)
def test_a_part_that_does_not_show_what_it_holds_may_fill_the_context(part):
    assert estimate(with_part(**part)).worst_input > 1_048_576
    assert 5_000 <= estimate(with_part(**part), Bounds(context=5_000)).worst_input < 6_000


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "r"},
        {"conversation": "c"},
        {"prompt": {"id": "p"}},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"type": "item_reference", "id": "i"}]},
    ],
)
def test_a_response_to_what_is_not_in_its_body_may_fill_the_context(fields):
    body = {"model": "m", "input": "hi"}
    assert not weigh(request_of(Endpoint.RESPONSES, body)).hidden
    assert weigh(request_of(Endpoint.RESPONSES, body | fields)).hidden


def test_a_chat_that_searches_or_refers_to_a_sound_may_fill_the_context():
    spoken = [{"role": "assistant", "audio": {"id": "a"}}]
    assert weigh(chat(web_search_options={})).hidden
    assert weigh(chat(messages=spoken)).hidden
    assert not weigh(chat(tools=[{"type": "custom", "custom": {"name": "f"}}])).hidden


def test_a_worst_case_that_was_not_the_worst_is_widened():
    estimator, request = TokenEstimator(), chat(max_tokens=10)
    before = estimator.estimate(request, TARGET)
    assert not estimator.observe(request, TARGET, Tokens(input=before.worst_input, output=10)).beyond_worst
    assert estimator.observe(request, TARGET, Tokens(input=before.worst_input + 500, output=12)).beyond_worst
    after = estimator.estimate(request, TARGET)
    assert after.worst_input == before.worst_input + 500
    assert after.worst_output == 12
    assert estimator.estimate(chat(), TARGET).worst_output == 131_072 + 2
    other = Target("other", "openai", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
    assert estimator.estimate(request, other) != after


RATES = st.builds(Rates, *(st.integers(0, 10**20) for _ in range(5)))


@given(
    base=RATES,
    tiers=st.lists(st.builds(Tier, st.integers(0, 300), RATES), max_size=3),
    request=st.integers(0, 10**20),
    worst=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    shares=st.tuples(*(st.floats(0, 1) for _ in range(5))),
)
def test_nothing_within_the_worst_case_costs_more_than_the_worst_cost(base, tiers, request, worst, shares):
    price = Price(base, "v", "s", tuple(sorted(tiers, key=lambda tier: -tier.above)), request)
    input_, output = (int(most * share) for most, share in zip(worst, shares, strict=False))
    cached = int(input_ * shares[2])
    tokens = Tokens(input_, cached, int((input_ - cached) * shares[3]), output, int(output * shares[4]))
    assert cost_nano(price, tokens) <= worst_cost(price, TokenEstimate(0, 0, *worst))


def test_the_weight_of_a_body_is_what_it_holds():
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "né"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]},
            {"role": "tool", "content": [{"type": "text", "text": "ab"}, {"type": "refusal", "refusal": "no"}]},
        ],
        "tools": [],
        "max_tokens": 7,
    }
    found = weigh(request_of(Endpoint.CHAT, body))
    assert (found.texts, found.text_bytes, found.pieces) == (("né", "ab", "", "", "no"), 7, 3)
    assert found.json_bytes == len('[{"id": "x"}]') + len("[]")
    assert (found.size, found.limit, found.hidden) == (len(json.dumps(body)), 7, False)
