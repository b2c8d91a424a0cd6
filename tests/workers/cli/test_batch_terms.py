"""What makes a batch: its bus, its reply topic, its deadline; and what is refused before anything is paid for."""

import asyncio
import datetime as dt
import os
import signal

import pytest

from headgate.producers.ids import is_batch_id
from headgate.producers.logbook import Claim, Places
from headgate.producers.spool import SpoolBusyError
from headgate.schemas.config import Config
from headgate.schemas.topics import Lane
from headgate.workers.cli.batch_terms import Wishes, new_terms
from headgate.workers.cli.buses import bus_errors, bus_name, reply_topic
from headgate.workers.cli.interruption import Interruption
from headgate.workers.cli.options import BadUsage, OurFault
from headgate.workers.cli.session import in_words
from headgate.workers.embedded.errors import EmbeddedServerError
from headgate.workers.stack.stack import needs_server

_KAFKA = Config.model_validate({"bus": {"kafka": {"bootstrap_servers": ["b:2", "a:1"], "prefix": "x."}}})
_REDIS = Config.model_validate({"bus": {"redis": {"url": "redis://me:secret@host:1/2"}}})
_MOMENT = dt.datetime(2026, 11, 22, 15, 3, 1, tzinfo=dt.UTC).timestamp()


def test_a_batch_asks_as_the_config_says_unless_the_command_says_otherwise():
    plain = new_terms(Config(), Wishes(), _MOMENT)
    assert is_batch_id(plain.batch)
    assert plain.batch.startswith("batch-20261122-150301-")
    assert (plain.topic, plain.lane) == ("headgate.requests.standard", Lane.STANDARD)
    assert plain.reply_to == f"headgate.replies.{plain.batch}"
    assert (plain.key, plain.deadline, plain.max_bytes) == (None, None, 4 * 1024 * 1024)
    wished = new_terms(Config(), Wishes("bulk", "rag", "2h"))
    assert (wished.topic, wished.lane, wished.key) == ("headgate.requests.bulk", Lane.BULK, "rag")
    assert float(wished.deadline) == 7200


def test_the_configs_lane_and_limit_count():
    config = Config.model_validate({"defaults": {"lane": "urgent"}, "limits": {"request_bytes": 2048}})
    terms = new_terms(config, Wishes())
    assert (terms.lane, terms.topic, terms.max_bytes) == (Lane.URGENT, "headgate.requests.urgent", 2048)


def test_batches_have_reply_topics_of_their_own_on_streams_and_share_one_on_kafka():
    assert reply_topic(_REDIS, "batch-1") == "headgate.replies.batch-1"
    assert reply_topic(_KAFKA, "batch-1") == "x.replies.default"


def test_a_reply_topic_that_the_config_forbids_is_refused_before_anything_is_submitted():
    config = Config.model_validate({"reply_topics": ["{prefix}replies.rag*"]})
    with pytest.raises(BadUsage, match=r"expected reply_topics to allow headgate\.replies\.batch-"):
        new_terms(config, Wishes())


@pytest.mark.parametrize("deadline", ["2026-11-22T18:00:00Z", "2026-11-22T18:00:00+02:00"])
def test_a_deadline_may_be_a_time_with_its_zone(deadline):
    assert new_terms(Config(), Wishes(deadline=deadline)).deadline == deadline


@pytest.mark.parametrize("deadline", ["soon", "2026-11-22T18:00:00", "", "-5s"])
def test_what_is_no_deadline_is_refused(deadline):
    with pytest.raises(BadUsage, match="expected a duration like 90s or 2h, or a time"):
        new_terms(Config(), Wishes(deadline=deadline))


def test_buses_are_told_apart_without_their_secrets():
    assert bus_name(Config(), "/srv/x") == "embedded /srv/x"
    assert bus_name(_KAFKA, "/srv/x") == "kafka a:1,b:2 x."
    assert bus_name(_REDIS, "/srv/x") == "redis redis://host:1/2 headgate."


def test_valkey_is_kept_where_the_bus_or_the_journal_needs_it():
    store = {"redis": {"url": "redis://localhost"}}
    assert needs_server(Config())
    assert needs_server(_KAFKA)
    assert not needs_server(_REDIS)
    assert not needs_server(_KAFKA.model_copy(update={"store": Config.model_validate({"store": store}).store}))


def test_trouble_is_told_in_words_and_with_the_right_status(tmp_path):
    Claim(Places.beside(tmp_path / "out"))
    with pytest.raises(BadUsage, match="another process") as busy, in_words(Config()):
        Claim(Places.beside(tmp_path / "out"))
    assert isinstance(busy.value.__cause__, SpoolBusyError)
    with pytest.raises(OurFault, match="no server"), in_words(Config()):
        raise EmbeddedServerError("no server")
    with pytest.raises(OurFault, match="the same command goes on"), in_words(Config()):
        raise OSError(28, "No space left on device")
    (kafka_error, *_) = bus_errors(_KAFKA)
    with pytest.raises(OurFault, match="the bus"), in_words(_KAFKA):
        raise kafka_error("gone")
    with pytest.raises(ZeroDivisionError), in_words(Config()):
        raise ZeroDivisionError


async def test_the_first_interruption_asks_and_the_second_ends():
    asked, ended = asyncio.Event(), []
    with Interruption(asked.set, ended.append) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(asked.wait(), 5)
        assert interruption.asked
        assert ended == []
        os.kill(os.getpid(), signal.SIGTERM)
        while not ended:  # noqa: ASYNC110 - the loop hears the signal, it has nothing to wait on
            await asyncio.sleep(0)
    assert ended == [130]
