"""A batch survives anything: crashes between any two steps, a full bus, duplicates, any order."""

import asyncio
import json
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.producers.facts import Nobody
from headgate.producers.logbook import Order, Places
from headgate.producers.memory import MemoryBatchBus
from headgate.producers.pace import Pace
from headgate.producers.runner import BatchRun
from support.batches import BreakingBus, CrashError, EchoGateway, begin, chat_line, run_batch, write_lines

_PACE = Pace(window=4, outstanding=12, retry_seconds=0.01, poll_seconds=0.005, checkpoint_seconds=0.0)


def _lines(count, rng):
    """Mostly good lines, with everything that can be wrong in between."""
    for number in range(count):
        chance = rng.random()
        if chance < 0.05:
            yield b"not json"
        elif chance < 0.1:
            yield b""
        elif chance < 0.15:
            yield chat_line("q0", "again")
        elif chance < 0.2:
            yield chat_line(f"q{number}", "fail, please")
        else:
            yield chat_line(f"q{number}", f"text {number}")


def _answer(line):
    """What the output must say of an input line, as far as it can be known."""
    try:
        asked = json.loads(line)
    except ValueError:
        return None, "invalid_json"
    text = asked["body"]["messages"][0]["content"]
    return asked["custom_id"], "provider_error" if text.startswith("fail") else f"echo {text}"


def _seen(line):
    got = json.loads(line)
    assert set(got) == {"id", "custom_id", "response", "error"}
    return got["custom_id"], got["error"]["code"] if got["error"] else f"echo {got['response']['body']['echo']}"


def _expected(lines):
    seen, out = set(), []
    for line in filter(None, lines):
        custom_id, answer = _answer(line)
        if custom_id in seen and custom_id is not None:
            answer = "duplicate_id"
        seen.add(custom_id)
        out.append((custom_id, answer))
    return out


async def _story(folder, lines, crashes, capacity, seed):
    """Run a batch to its end, dying at every one of `crashes`; return the gateway and the last facts."""
    source, output = write_lines(folder / "in.jsonl", lines), folder / "out.jsonl"
    inner = MemoryBatchBus(capacity)
    async with asyncio.timeout(5), EchoGateway(inner, seed) as gateway:
        for call, after in [*crashes, (None, False)]:
            book = begin(output, source)
            try:
                facts = await run_batch(BreakingBus(inner, call, after=after), book, _PACE, Nobody())
            except CrashError:
                with Places.beside(output).spool.open("ab") as spool:
                    spool.write(b'{"id": "torn')
                continue
            book = begin(output, source)
            break
    return gateway, facts, book


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 60),
    crashes=st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=8),
    capacity=st.integers(4, 40),
    seed=st.integers(0, 2**32),
)
def test_every_line_is_answered_once_and_asked_once_wherever_the_process_dies(count, crashes, capacity, seed):
    lines = list(_lines(count, random.Random(seed)))
    with tempfile.TemporaryDirectory() as name:
        gateway, facts, book = asyncio.run(_story(Path(name), lines, crashes, capacity, seed))
        output = Path(name) / "result.jsonl"
        book.write(output, Order.INPUT)
        by_line = [_seen(line) for line in output.read_bytes().splitlines()]
        book.write(output, Order.COMPLETED)
        completed = [_seen(line) for line in output.read_bytes().splitlines()]
        book.forget()
        left = {path.name for path in Path(name).iterdir()}
    expected = _expected(lines)
    assert by_line == expected
    assert sorted(map(str, completed)) == sorted(map(str, expected))
    assert facts.complete
    answers = [answer for _, answer in expected]
    done = sum(answer.startswith("echo") for answer in answers)
    asked = done + answers.count("provider_error")
    assert (facts.totals.completed, facts.totals.failed) == (done, len(expected) - done)
    assert (facts.totals.cost_nano, facts.totals.input_tokens, facts.totals.output_tokens) == (
        7 * asked,
        2 * asked,
        3 * asked,
    )
    assert set(gateway.asked.values()) <= {1}
    assert len(gateway.asked) == asked
    assert left == {"in.jsonl", "result.jsonl"}


async def test_a_stopped_batch_goes_on_where_it_was(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}") for n in range(100)])
    bus, output = MemoryBatchBus(), tmp_path / "out.jsonl"
    async with EchoGateway(bus) as gateway:
        watcher = _StopAfter(20)
        book = begin(output, source)
        watcher.run = BatchRun(bus, book, watcher, _PACE)
        facts = await watcher.run.run()
        book.close()
        assert 20 <= facts.totals.answered < 100
        assert not facts.complete
        book = begin(output, source)
        assert book.totals == facts.totals
        assert (await run_batch(bus, book, _PACE, Nobody())).complete
    assert set(gateway.asked.values()) == {1}
    assert len(gateway.asked) == 100


class _StopAfter:
    def __init__(self, answered):
        self._answered = answered

    def changed(self, facts):
        if facts.totals.answered >= self._answered:
            self.run.stop()


async def test_no_more_lines_wait_on_the_bus_than_the_pace_allows(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}") for n in range(100)])
    bus, book = MemoryBatchBus(), begin(tmp_path / "out.jsonl", source)
    seen, full = [], asyncio.Event()

    class Watcher:
        def changed(self, facts):
            seen.append(facts.passed - facts.totals.answered)
            if seen[-1] == 12:
                full.set()

    running = asyncio.create_task(run_batch(bus, book, _PACE, Watcher()))
    async with asyncio.timeout(5):
        await full.wait()  # nobody answers yet
        async with EchoGateway(bus):
            assert (await running).complete
    assert max(seen) == 12


async def test_a_window_is_bounded_in_bytes_too(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}", "x" * 1000) for n in range(20)])
    bus, book = MemoryBatchBus(), begin(tmp_path / "out.jsonl", source)
    sizes = []

    class Bus(BreakingBus):
        async def submit(self, batch, records, mark):
            sizes.append(len(records))
            return await self._inner.submit(batch, records, mark)

    async with EchoGateway(bus):
        await run_batch(Bus(bus), book, Pace(window=10, window_bytes=3000, poll_seconds=0.01), Nobody())
    assert max(sizes) == 3


async def test_submitting_and_collecting_may_be_two_commands(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [b"wrong", *(chat_line(f"q{n}") for n in range(30))])
    bus, output = MemoryBatchBus(), tmp_path / "out.jsonl"
    book = begin(output, source)
    facts = await BatchRun(bus, book, Nobody(), _PACE).submit()
    book.close()
    assert (facts.counted, facts.lines, facts.passed, facts.totals.answered) == (True, 31, 31, 1)
    book = begin(output, source)
    facts = await BatchRun(bus, book, Nobody(), _PACE).collect(wait=False)
    assert not facts.complete
    async with EchoGateway(bus):
        facts = await BatchRun(bus, book, Nobody(), _PACE).collect(wait=True)
    assert facts.complete
    book.write(output, Order.INPUT)
    assert len(output.read_bytes().splitlines()) == 31


async def test_a_bus_that_lost_its_memory_is_asked_again_only_for_what_is_not_answered(tmp_path):
    source = write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}") for n in range(60)])
    output, bus = tmp_path / "out.jsonl", MemoryBatchBus()
    async with EchoGateway(bus):
        watcher = _StopAfter(20)
        book = begin(output, source)
        watcher.run = BatchRun(bus, book, watcher, _PACE)
        answered = (await watcher.run.run()).totals.answered
        book.checkpoint("0", None)  # a new bus counts from the start
        book.close()
    bus = MemoryBatchBus()
    async with EchoGateway(bus) as gateway:
        assert (await run_batch(bus, begin(output, source), _PACE, Nobody())).complete
    assert len(gateway.asked) == 60 - answered


@pytest.mark.parametrize("step", ["headgate.producers.files.rename", "headgate.producers.files._sync_folder"])
async def test_dying_while_the_state_is_saved_loses_nothing(tmp_path, monkeypatch, step):
    source = write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}") for n in range(40)])
    output, bus = tmp_path / "out.jsonl", MemoryBatchBus()
    async with EchoGateway(bus) as gateway:
        book = begin(output, source)
        with monkeypatch.context() as patch:
            patch.setattr(step, _dies)
            with pytest.raises(CrashError):
                await run_batch(bus, book, _PACE, Nobody())
        book = begin(output, source)
        assert (await run_batch(bus, book, _PACE, Nobody())).totals.completed == 40
    assert set(gateway.asked.values()) == {1}


def _dies(*_):
    raise CrashError
