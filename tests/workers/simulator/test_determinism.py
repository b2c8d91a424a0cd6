"""The same seed and the same body: the same answer, whatever came before."""

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.request import Endpoint
from headgate.workers.simulator import SimulatorConfig
from headgate.workers.simulator.answers import Answers
from headgate.workers.simulator.chance import between, body_hash, draw, unit
from headgate.workers.simulator.tokens import size, tokens
from headgate.workers.simulator.wires.switchboard import find
from headgate.workers.simulator.words import VOCABULARY, Words

SEEDS = st.integers(-(2**70), 2**70)
BODIES = st.builds(
    lambda text, n, limit: json.dumps(
        {
            "model": "m",
            "messages": [{"role": "user", "content": text}],
            "input": text or "x",
            "n": n,
            "max_tokens": limit,
        }
    ).encode(),
    st.text(),
    st.integers(1, 3),
    st.integers(1, 300),
)
WORDS = Words()


def write(seed, endpoint, body):
    answers = Answers(SimulatorConfig(seed=seed))
    return answers.write(find(endpoint.encode()), body, answers.draw(body_hash(body)))


@pytest.fixture(scope="module")
def shared():
    """Answers that have seen everything that the other tests asked."""
    return Answers(SimulatorConfig(seed=7))


@given(endpoint=st.sampled_from(Endpoint), bodies=st.lists(BODIES, min_size=1, max_size=4))
def test_an_answer_depends_on_nothing_but_seed_and_body(shared, endpoint, bodies):
    for body in bodies:
        assert shared.write(find(endpoint.encode()), body, shared.draw(body_hash(body))) == write(7, endpoint, body)


@given(seeds=st.lists(SEEDS, min_size=2, max_size=2, unique=True), body=BODIES)
def test_another_seed_is_another_answer(seeds, body):
    one, other = (json.loads(write(seed, Endpoint.CHAT, body).body) for seed in seeds)
    assert one["id"] != other["id"]
    assert one["system_fingerprint"] != other["system_fingerprint"]


@given(body=BODIES)
def test_usage_says_what_was_written_and_never_exceeds_the_limit(body):
    asked = json.loads(body)
    answer = write(0, Endpoint.CHAT, body)
    said = json.loads(answer.body)
    texts = [choice["message"]["content"] for choice in said["choices"]]
    assert answer.usage.output == sum(tokens(size(text)) for text in texts) == said["usage"]["completion_tokens"]
    assert all(0 < tokens(size(text)) <= asked["max_tokens"] for text in texts)
    assert answer.usage.input == 3 + 4 + math.ceil(len(asked["messages"][0]["content"].encode()) / 4)


def test_a_thousand_bodies_get_a_thousand_answers():
    answers = Answers(SimulatorConfig(output_tokens=(16, 16)))
    texts, ids = set(), set()
    for number in range(1000):
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": str(number)}]}).encode()
        said = json.loads(answers.write(find(b"/v1/chat/completions"), body, answers.draw(body_hash(body))).body)
        texts.add(said["choices"][0]["message"]["content"])
        ids.add(said["id"])
    assert len(texts) == len(ids) == 1000


def test_every_byte_names_a_word():
    assert len(set(VOCABULARY)) == 256
    assert all(word.isascii() and word.islower() and word.isalpha() for word in VOCABULARY)


@given(digest=st.binary(), length=st.integers(1, 200_000))
def test_a_text_is_nearly_as_long_as_it_may_be(digest, length):
    text = WORDS.text(draw(b"key", digest), length)
    assert max(1, length - 20) <= len(text) <= length
    assert text.isascii()
    assert not {'"', "\\", "\n"} & set(text)


@given(number=st.integers(0, 2**64 - 1), low=st.integers(-5, 5), span=st.integers(0, 100))
def test_numbers_stay_in_their_range(number, low, span):
    assert 0 <= unit(number) < 1
    assert low <= between(number, low, low + span) <= low + span


def test_a_body_is_named_by_its_sha256():
    assert body_hash(b"x") == hashlib.sha256(b"x").digest()
