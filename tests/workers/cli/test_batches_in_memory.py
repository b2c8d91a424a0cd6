"""The commands' own decisions, on a bus in memory: begin, go on, refuse, and never pay twice by mistake."""

import json
import os
import signal
from pathlib import Path

import msgspec
import pytest

from headgate.producers.batch_state import load_state, save_state
from headgate.producers.memory import MemoryBatchBus
from headgate.schemas.config import Config
from headgate.workers.cli import collecting, session, submitting
from headgate.workers.cli.batch_terms import Wishes
from headgate.workers.cli.batches import known_batches, places_of
from headgate.workers.cli.collecting import Collect
from headgate.workers.cli.options import BadUsage, OurFault
from headgate.workers.cli.running import Asked, run_batch
from headgate.workers.settings import Settings
from support.batches import EchoGateway, chat_line, write_lines

_HERE = {"bus": {"kafka": {"bootstrap_servers": ["here:1"]}}}


class Bus(MemoryBatchBus):
    """Ends the process's patience after so many windows."""

    windows = None

    async def submit(self, batch, records, mark):
        answer = await super().submit(batch, records, mark)
        if self.windows is not None:
            self.windows -= 1
            if self.windows == 0:
                os.kill(os.getpid(), signal.SIGINT)
        return answer


@pytest.fixture
def bus(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    bus = Bus()
    monkeypatch.setattr(session, "batch_bus", lambda *_: bus)
    return bus


@pytest.fixture
def source(tmp_path):
    return write_lines(tmp_path / "in.jsonl", [b"wrong", *(chat_line(f"q{n}") for n in range(1200))])


def settings(config=_HERE):
    return Settings(Config.model_validate(config), None, ())


def asked(source, output="out.jsonl", **more):
    fields = {"order": "input", "force": False, "workers": False, **more}
    return Asked(source, Path(output), **fields)


def write(path, text):
    Path(path).write_text(text)


def read(path):
    return Path(path).read_bytes()


def there(path):
    return Path(path).exists()


def names(path):
    return [json.loads(line)["custom_id"] for line in Path(path).read_bytes().splitlines()]


_ALL = [None, *(f"q{n}" for n in range(1200))]


async def test_a_run_writes_its_output_and_leaves_nothing_else(bus, source, tmp_path):
    async with EchoGateway(bus):
        summary = await run_batch(settings(), asked(source))
    assert (summary.complete, summary.totals.completed, summary.totals.failed, summary.cost) == (True, 1200, 1, 8400)
    assert names("out.jsonl") == _ALL
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


async def test_an_interrupted_run_goes_on_also_from_a_file_that_was_moved(bus, source, tmp_path):
    bus.windows = 1
    async with EchoGateway(bus) as gateway:
        summary = await run_batch(settings(), asked(source))
        assert not summary.complete
        moved = source.rename(tmp_path / "moved.jsonl")
        summary = await run_batch(settings(), asked(moved, force=True))  # force does not abandon what is paid for
    assert (summary.complete, names("out.jsonl")) == (True, _ALL)
    assert set(gateway.asked.values()) == {1}
    assert len(gateway.asked) == 1200


async def test_other_lines_or_another_bus_are_not_mixed_with_an_unfinished_batch(bus, source, tmp_path):
    bus.windows = 1
    await run_batch(settings(), asked(source))
    other = write_lines(tmp_path / "other.jsonl", [chat_line("a")])
    with pytest.raises(BadUsage, match="other lines"):
        await run_batch(settings(), asked(other))
    elsewhere = settings({"bus": {"kafka": {"bootstrap_servers": ["there:1"]}}})
    with pytest.raises(BadUsage, match="on kafka here:1"):
        await run_batch(elsewhere, asked(source))
    bus.windows = None
    async with EchoGateway(bus):
        summary = await run_batch(settings(), asked(other, force=True))
    assert (summary.complete, names("out.jsonl")) == (True, ["a"])


async def test_an_output_that_exists_is_only_replaced_with_force(bus, source):
    write("out.jsonl", "precious")
    async with EchoGateway(bus) as gateway:
        with pytest.raises(BadUsage, match=r"out\.jsonl exists"):
            await run_batch(settings(), asked(source))
        assert read("out.jsonl") == b"precious"
        assert not gateway.asked
        await run_batch(settings(), asked(source, force=True))
    assert names("out.jsonl") == _ALL


async def test_the_input_is_never_the_output(bus, source):
    content = source.read_bytes()
    with pytest.raises(BadUsage, match="is the input"):
        await run_batch(settings(), asked(source, source, force=True))
    assert source.read_bytes() == content


async def test_an_empty_file_has_an_empty_output(bus, tmp_path):
    empty = write_lines(tmp_path / "empty.jsonl", [b"", b"  "])
    summary = await run_batch(settings(), asked(empty))
    assert (summary.complete, summary.lines, read("out.jsonl")) == (True, 0, b"")


async def test_a_forbidden_reply_topic_leaves_no_trace(bus, source, tmp_path):
    with pytest.raises(BadUsage, match="reply_topics"):
        await run_batch(settings({**_HERE, "reply_topics": ["elsewhere"]}), asked(source))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl"}


async def test_a_bus_that_is_not_there_is_our_fault_and_leaves_no_trace(bus, source, tmp_path, monkeypatch):
    async def start():
        raise ConnectionError("nobody is there")

    monkeypatch.setattr(bus, "start", start)
    with pytest.raises(OurFault, match="nobody is there"):
        await run_batch(settings(), asked(source))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl"}


async def test_an_interrupted_submission_goes_on_and_a_finished_one_is_not_repeated(bus, source):
    config = settings().config
    bus.windows = 1
    first = await submitting._submit(config, source, Wishes())
    assert not first.counted
    bus.windows = None
    second = await submitting._submit(config, source, Wishes())
    assert (second.batch, second.counted, second.lines, second.passed) == (first.batch, True, 1201, 1201)
    third = await submitting._submit(config, source, Wishes())
    assert third.batch != first.batch
    async with EchoGateway(bus) as gateway:
        summary = await collecting._collect(config, _collected(first.batch))
    assert (summary.complete, names("out.jsonl")) == (True, _ALL)
    ours = {name: count for name, count in gateway.asked.items() if name.startswith(first.batch)}
    assert set(ours.values()) == {1}
    assert len(ours) == 1200


def _collected(batch, output="out.jsonl", **more):
    fields = {"order": "input", "wait": True, "force": False, **more}
    return Collect(batch, Path(output), **fields)


async def test_a_batch_is_collected_bit_by_bit_and_then_for_good(bus, source, tmp_path):
    config = settings().config
    batch = (await submitting._submit(config, source, Wishes())).batch
    summary = await collecting._collect(config, _collected(batch, wait=False))
    assert (summary.complete, names("out.jsonl")) == (False, [None])
    summary = await collecting._collect(config, _collected(batch, wait=False))
    assert not summary.complete
    async with EchoGateway(bus):
        summary = await collecting._collect(config, _collected(batch))
    assert (summary.complete, names("out.jsonl")) == (True, _ALL)
    assert not places_of(config, batch).spool.exists()
    (known,) = known_batches(config)
    assert known.output == f"{tmp_path}/out.jsonl"
    with pytest.raises(BadUsage, match="was collected already"):
        await collecting._collect(config, _collected(batch, "again.jsonl"))


async def test_what_cannot_be_collected_is_refused_with_what_can(bus, source):
    config = settings().config
    batch = (await submitting._submit(config, source, Wishes())).batch
    with pytest.raises(BadUsage, match=f"waiting to be collected: {batch}"):
        await collecting._collect(config, _collected("batch-20261122-150301-bcdfghjk"))
    with pytest.raises(BadUsage, match="expected a batch"):
        await collecting._collect(config, _collected("../../etc/passwd"))
    write("out.jsonl", "precious")
    with pytest.raises(BadUsage, match=r"out\.jsonl exists"):
        await collecting._collect(config, _collected(batch, wait=False))
    elsewhere = Config.model_validate({"bus": {"kafka": {"bootstrap_servers": ["there:1"]}}})
    with pytest.raises(BadUsage, match="this is kafka there:1"):
        await collecting._collect(elsewhere, _collected(batch, "x.jsonl"))
    assert read("out.jsonl") == b"precious"


async def test_a_batch_that_is_not_submitted_to_its_end_cannot_be_waited_for(bus, source):
    config = settings().config
    bus.windows = 1
    batch = (await submitting._submit(config, source, Wishes())).batch
    with pytest.raises(BadUsage, match="not submitted to its end"):
        await collecting._collect(config, _collected(batch))
    async with EchoGateway(bus):
        summary = await collecting._collect(config, _collected(batch, wait=False))
    assert not summary.complete


async def test_a_run_that_died_between_its_output_and_its_end_is_only_tidied_up(bus, source, tmp_path, monkeypatch):
    """The output is written; the process dies before it has removed the state."""
    with monkeypatch.context() as patch:
        patch.setattr("headgate.producers.logbook.Logbook.forget", lambda self: self.close())
        async with EchoGateway(bus) as gateway:
            await run_batch(settings(), asked(source))
    assert there("out.jsonl.state.json")
    content = read("out.jsonl")
    summary = await run_batch(settings(), asked(source))
    assert summary.complete
    assert read("out.jsonl") == content
    assert set(gateway.asked.values()) == {1}
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


async def test_a_damaged_state_is_said_to_be_damaged(bus, source):
    bus.windows = 1
    await run_batch(settings(), asked(source))
    path = Path("out.jsonl.state.json")
    state = load_state(path)
    save_state(path, msgspec.structs.replace(state, spool_bytes=10**9))
    with pytest.raises(BadUsage, match="move the files of the unfinished batch away"):
        await run_batch(settings(), asked(source))
    write(path, "{")
    with pytest.raises(BadUsage, match="move the files of the unfinished batch away"):
        await run_batch(settings(), asked(source))
