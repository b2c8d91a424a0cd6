"""Stopping, as real processes do it and as the clock counts it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.workers.ops.parent import PARENT_GONE, stop_with_parent
from headgate.workers.ops.stopping import Stopping
from headgate.workers.ops.stopping import _log as stopping_log

PROGRAM = Path(__file__).with_name("stopping_process.py")
FOREVER = 600


@pytest.fixture
def start():
    processes = []

    def _start(drain, grace, work, *flags, stdin=subprocess.DEVNULL):
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(drain), str(grace), str(work), *flags],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield _start
    for process in processes:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_once_and_the_process_finishes(start, number):
    """And an input that has ended says nothing to a process that does not follow its parent."""
    process = start(30, 30, 0)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert out == f"stopping: {number.name}\ndone\n"
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in err.splitlines()] == [f"stopping: {number.name}"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_the_process_at_once(start, number, status):
    process = start(FOREVER, FOREVER, FOREVER)
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping: SIGTERM\n"
    process.send_signal(number)
    assert process.wait(30) == status


def test_a_process_that_is_not_finished_in_time_is_ended(start):
    process = start(0.1, 0.1, FOREVER)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    last = json.loads(process.stderr.read().splitlines()[-1])
    assert last["level"] == "critical"
    assert re.fullmatch(r"Task-1 at sleep:\d+ < main:\d+", last["waiting"])


def test_a_process_whose_loop_hangs_is_ended_too_and_its_log_says_where(start):
    process = start(0.1, 0.1, FOREVER, "--block")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    assert "main:" in json.loads(process.stderr.read().splitlines()[-1])["waiting"]


async def test_a_process_that_can_log_nothing_any_more_is_ended_all_the_same(monkeypatch):
    ended = []
    stopping = Stopping(20, end=ended.append)
    monkeypatch.setattr(stopping_log, "critical", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stopping._overdue()
    assert ended == [1]


def test_a_process_stops_when_its_parent_closes_its_input(start):
    process = start(30, 30, 0, "--exit-with-parent", stdin=subprocess.PIPE)
    process.stdin.write("whatever\n")
    process.stdin.flush()
    process.stdin.close()
    assert process.stdout.read() == f"stopping: {PARENT_GONE}\ndone\n"
    assert process.wait(30) == 0


def test_a_process_stops_when_its_parent_is_killed(start, tmp_path):
    program = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {str(PROGRAM)!r}, '30', '30', '0', '--exit-with-parent'],"
        " stdin=subprocess.PIPE)\n"
        f"time.sleep({FOREVER})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "up\n"
        parent.kill()
        assert parent.stdout.read() == f"stopping: {PARENT_GONE}\ndone\n"  # until the child closes it too


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


async def test_the_deadline_counts_from_the_first_who_asks():
    clock = Clock()
    stopping = Stopping(20, clock=clock, end=pytest.fail)
    with stopping:
        clock.now += 100
        assert not stopping.asked
        assert stopping.remaining() == 20
        stopping.ask("SIGTERM")
        clock.now += 5
        stopping.ask("again")
        assert stopping.asked
        assert stopping.reason == "SIGTERM"
        assert stopping.remaining() == 15
        clock.now += 100
        assert stopping.remaining() == 0


async def test_everybody_who_waits_hears_of_it_even_later():
    with Stopping(20, end=pytest.fail) as stopping:
        waiting = [asyncio.create_task(stopping.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        stopping.ask("x")
        await asyncio.wait_for(asyncio.gather(*waiting, stopping.wait()), 10)


async def test_whoever_finishes_in_time_is_not_ended_later():
    ended = []
    with Stopping(0.01, grace=0.05, end=ended.append) as stopping:
        stopping.ask("x")
        watchdog = stopping._watchdog
    watchdog.join(10)
    assert not watchdog.is_alive()
    assert ended == []


async def test_a_process_whose_signals_somebody_else_hears_is_not_ended_from_here():
    stopping = Stopping(20, end=pytest.fail)
    stopping.ask("x")
    assert stopping._watchdog is None
    assert 0 < stopping.remaining() <= 20


async def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stopping(20, end=pytest.fail):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Nobody:
    def ask(self, reason):
        pytest.fail(f"asked after the end: {reason}")


def test_a_loop_that_has_closed_before_the_parent_is_no_trouble():
    read, write = os.pipe()

    async def brief():
        return stop_with_parent(Nobody(), read)

    thread = asyncio.run(brief())
    os.close(write)
    thread.join(10)
    os.close(read)
    assert not thread.is_alive()


async def test_no_input_at_all_counts_as_ended():
    asked = asyncio.Event()

    class Asked:
        def ask(self, reason):
            assert reason == PARENT_GONE
            asked.set()

    stop_with_parent(Asked(), 10_000)  # no such descriptor
    await asyncio.wait_for(asked.wait(), 10)
