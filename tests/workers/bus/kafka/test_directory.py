"""Topics that do not exist, or will not have a record, stop nobody else's replies."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.producers.kafka_batches import BATCH_BYTES
from headgate.producers.kafka_client import MAX_RECORD_BYTES
from headgate.schemas.record import Record, header
from headgate.workers.bus.kafka.directory import Directory


class Cluster:
    def __init__(self, *topics):
        self.topics = set(topics)
        self.asked = []

    async def ask(self, topics):
        self.asked.append(set(topics))
        await asyncio.sleep(0)
        return self.topics & set(topics)


def directory(now=lambda: 0.0):
    return Directory(["ours", "dead"], "dead", now=now)


async def test_our_own_topics_need_no_question():
    cluster = Cluster()
    assert await directory().knows("ours", cluster.ask)
    assert cluster.asked == []


async def test_a_topic_that_exists_is_asked_about_once():
    cluster, d = Cluster("theirs"), directory()
    assert [await d.knows("theirs", cluster.ask) for _ in range(3)] == [True] * 3
    assert len(cluster.asked) == 1


async def test_many_who_ask_at_the_same_time_ask_once():
    cluster, d = Cluster("theirs"), directory()
    assert all(await asyncio.gather(*(d.knows("theirs", cluster.ask) for _ in range(50))))
    assert len(cluster.asked) == 1


async def test_a_topic_that_is_missing_is_asked_about_again_after_a_while():
    times = [0.0]
    cluster, d = Cluster(), directory(lambda: times[0])
    assert not await d.knows("late", cluster.ask)
    cluster.topics.add("late")
    assert not await d.knows("late", cluster.ask)
    times[0] = 6.0
    assert await d.knows("late", cluster.ask)
    assert len(cluster.asked) == 2


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "ü", "x" * 250, "a b"])
async def test_a_name_that_no_topic_can_have_needs_no_question(name):
    cluster = Cluster(name)
    assert not await directory().knows(name, cluster.ask)
    assert cluster.asked == []


async def test_a_cluster_that_cannot_be_asked_is_an_error_for_all_and_for_the_next_a_new_question():
    async def fail(_topics):
        raise ConnectionError

    d = directory()
    with pytest.raises(ConnectionError):
        await d.knows("theirs", fail)
    assert await d.knows("theirs", Cluster("theirs").ask)


async def test_replies_for_a_topic_that_vanished_become_dead_letters_until_it_is_back():
    cluster, d = Cluster("theirs"), directory(lambda: 10.0)
    await d.knows("theirs", cluster.ask)
    cluster.topics.clear()
    assert await d.vanished(["theirs", "ours"], cluster.ask) == {"theirs"}
    letter = d.divert(Record("theirs", b"v", b"k", (("a", b"1"),)))
    assert (letter.topic, letter.value, letter.key) == ("dead", b"v", b"k")
    assert header(letter.headers, "headgate-cause") == b"unknown_reply_topic"
    assert header(letter.headers, "headgate-origin") == b"theirs"
    assert header(letter.headers, "a") == b"1"
    assert not await d.knows("theirs", cluster.ask)
    d = directory(lambda: 10.0)
    cluster.topics.add("theirs")
    d.refuse("theirs")
    d._now = lambda: 20.0
    assert await d.knows("theirs", cluster.ask)
    assert d.divert(Record("theirs", b"v")).topic == "theirs"


def test_a_record_that_no_topic_takes_becomes_a_dead_letter_that_one_does():
    letter = directory().divert(Record("theirs", bytes(MAX_RECORD_BYTES), b"k", (("a", b"x"),)))
    assert (letter.topic, letter.value, letter.key) == ("dead", bytes(1024), b"k")
    assert header(letter.headers, "headgate-cause") == b"request_too_large"


def test_a_topic_that_takes_less_than_others_keeps_its_small_records():
    d = directory()
    d.too_large("theirs", 1, 2_000_000)
    assert d.divert(Record("theirs", bytes(1_500_000))).topic == "theirs"
    assert d.divert(Record("theirs", bytes(2_000_000))).topic == "dead"
    assert d.divert(Record("ours", bytes(2_000_000))).topic == "ours"
    d.too_large("theirs", 40, 500_000)
    assert (d.batch_bytes("theirs"), d.batch_bytes("ours")) == (250_000, BATCH_BYTES)


@given(st.integers(0, 2**20), st.integers(0, 3000))
def test_what_is_not_diverted_fits(value, header_size):
    d = directory()
    d.too_large("theirs", 1, 2**19)
    record = Record("theirs", bytes(value), None, (("h", bytes(header_size)),) if header_size else ())
    if d.divert(record) is record:
        assert value + header_size < 2**19
    else:
        assert value + header_size > 2**19 - 300
