"""A gateway with keys: who may is served, who may not is told, and nothing that proves anybody goes further."""

import json

import msgspec
import pytest

from headgate.producers.private_key import PrivateKey
from headgate.producers.signing import Signer
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.usage import Outcome
from support.gateways import TOPICS, Bench, Provider, chat, config_of
from support.keys import PUBLIC_KEY, SECRET, hashed

PRIVATE = PrivateKey(bytes([1]) * 32)
CONFIG = config_of(
    keys=[
        {"id": "rag", "public_key": PUBLIC_KEY, "workspace": "research", "metadata": {"team": "rag"}},
        {"id": "web", "secret": hashed(SECRET), "models": ["large"]},
        {"id": "old", "expires": "2020-01-01T00:00:00Z"},
        {"id": "one"},
        {"id": "two"},
    ],
    workspaces=[{"id": "research", "org": "acme", "reply_topics": ["headgate.replies.rag"]}],
    orgs=[{"id": "acme"}],
)
RAG = {"key": "rag", "reply_to": "headgate.replies.rag"}


def bench_of():
    return Bench(Provider(), config=CONFIG)


def signed(bench, record):
    return Signer("rag", PRIVATE, now=lambda: bench.time.at).sign(record)


def with_secret(record, name="authorization"):
    return msgspec.structs.replace(record, headers=(*record.headers, (name, f"Bearer {SECRET}".encode())))


async def test_a_signed_request_is_served_and_booked_to_its_workspace_and_org():
    async with bench_of() as bench:
        await bench.send(signed(bench, chat(1, **RAG, metadata={"team": "mine", "run": "7"})))
        (reply,) = await bench.replies(1, "headgate.replies.rag")
        (event,) = bench.events()
    assert reply.headgate.status is Status.COMPLETED
    assert (event.key, event.workspace, event.org) == ("rag", "research", "acme")
    assert event.metadata == {"team": "rag", "run": "7"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, Code.UNAUTHENTICATED),  # `local`, which is no key
        ({"key": "nobody"}, Code.UNAUTHENTICATED),
        ({"key": "rag"}, Code.UNAUTHENTICATED),
        ({"key": "old"}, Code.KEY_EXPIRED),
        ({"key": "web"}, Code.FORBIDDEN),
    ],
)
async def test_who_may_not_is_refused_and_booked_and_nobody_is_called(fields, code):
    async with bench_of() as bench:
        await bench.send(with_secret(chat(1, **fields)))
        (reply,) = await bench.replies(1)
        (event,) = bench.events()
    assert (reply.headgate.status, reply.error.code, reply.custom_id) == (Status.REFUSED, code, "c1")
    assert (event.outcome, event.code, event.cost_nano) == (Outcome.REFUSED, code, 0)
    assert bench.provider.calls == []
    assert bench.bus.on(TOPICS.dead_letters) == []


async def test_nobody_is_answered_on_a_topic_that_is_somebody_else_s():
    async with bench_of() as bench:
        forged = chat(1, key="rag", reply_to="headgate.replies.rag")
        await bench.send(with_secret(forged), chat(2, key="one", reply_to="headgate.replies.rag"))
        letters = await bench.wait_for(TOPICS.dead_letters, 2)
        events = bench.events()
    assert bench.bus.on("headgate.replies.rag") == []
    assert [dict(letter.headers)["headgate-cause"] for letter in letters] == [b"unknown_reply_topic"] * 2
    assert [event.outcome for event in events] == [Outcome.REFUSED] * 2
    assert bench.provider.calls == []


async def test_nothing_that_proves_anybody_is_in_anything_that_is_written():
    inside = json.dumps({"messages": 5, "model": "large"}).encode()
    wrong = msgspec.structs.replace(
        with_secret(chat(3, key="web"), "Authorization"), value=b'{"key":"web","body":' + inside
    )
    async with bench_of() as bench:
        sent = [
            with_secret(chat(1, key="web")),
            with_secret(chat(2, key="nobody"), "AUTHORIZATION"),
            wrong,
            with_secret(chat(4, key="web", reply_to="nowhere")),
            signed(bench, with_secret(chat(5, **RAG))),
            with_secret(chat(6, key="web", body={"model": "large"})),
        ]
        await bench.send(*sent)
        await bench.replies(3)
        await bench.replies(1, "headgate.replies.rag")
        await bench.wait_for(TOPICS.dead_letters, 2)
        written = bench.bus.published
    everything = repr([(record.value, record.headers) for record in written])
    assert SECRET not in everything
    assert hashed(SECRET)["sha256"] not in everything
    assert "ed25519=" not in everything
    assert "headgate-signed-at" not in everything


async def test_a_signed_request_that_comes_twice_is_called_for_once_and_later_not_at_all():
    async with bench_of() as bench:
        record = signed(bench, chat(1, **RAG))
        await bench.send(record)
        await bench.replies(1, "headgate.replies.rag")
        bench.time.at += 200
        await bench.send(record)
        first, again = await bench.replies(2, "headgate.replies.rag")
        bench.time.at += 200
        await bench.send(record)
        (letter,) = await bench.wait_for(TOPICS.dead_letters, 1)
    assert first == again
    assert len(bench.provider.calls) == 1
    assert b"headgate-signature" not in {name.encode() for name, _ in letter.headers}


async def test_an_id_is_a_key_s_own():
    """Else whoever guesses an id gets the answer, or takes it away."""
    async with bench_of() as bench:
        await bench.send(chat(1, key="one"))
        await bench.replies(1)
        await bench.send(chat(1, key="two"))
        one, two = await bench.replies(2)
    assert (one.headgate.status, two.headgate.status) == (Status.COMPLETED, Status.COMPLETED)
    assert len(bench.provider.calls) == 2
    assert [event.key for event in bench.events()] == ["one", "two"]
