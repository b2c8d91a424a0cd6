"""The stack begins, is kept, and ends in order, also when its owner is killed."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from headgate.workers.stack.kept import KeptPart
from headgate.workers.stack.ownership import Ground, Owner, SharedStack
from headgate.workers.stack.part import PartFailed, base_url, operations_address
from headgate.workers.stack.stack import Addresses, Stack
from support.stacks import Events, FakeParts, alive, part

_READY = '{"ready": true, "operations": "http://here"}'


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


@pytest.fixture
def lock(tmp_path):
    reader = os.open(tmp_path, os.O_RDONLY)
    yield reader
    os.close(reader)


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes tell nothing
            await asyncio.sleep(0.01)


async def test_the_worker_is_told_where_the_simulator_is_and_all_have_addresses(diary, lock):
    parts, events = FakeParts(diary), Events()
    async with Stack(parts, events, None, lock) as stack:
        assert await stack.started() == Addresses("http://worker", "http://recorder", "http://127.0.0.1:1/v1")
    assert parts.asked == [("simulator", ""), ("worker", "http://127.0.0.1:1/v1")]
    assert set(events.seen) == {
        "simulator ready at http://127.0.0.1:1/v1",
        "worker ready at http://worker",
        "recorder ready at http://recorder",
    }


async def test_with_providers_there_is_no_simulator(diary, lock):
    parts = FakeParts(diary, simulated=False)
    async with Stack(parts, Events(), None, lock) as stack:
        assert (await stack.started()).simulator is None
    assert parts.asked == [("worker", None)]


async def test_the_worker_is_gone_before_the_recorder_and_the_recorder_before_the_simulator(diary, lock):
    parts = FakeParts(diary, manners={"worker": "slow", "recorder": "slow"})
    async with Stack(parts, Events(), None, lock) as stack:
        await stack.started()
    ends = [line for line in parts.lines() if "ended" in line]
    assert ends == ["worker ended by signal", "recorder ended by signal", "simulator ended by signal"]


async def test_a_part_that_cannot_begin_says_why_and_the_others_end(diary, lock, tmp_path):
    parts, events = FakeParts(diary, manners={"recorder": "broken"}), Events()
    async with Stack(parts, events, tmp_path / "logs", lock) as stack:
        with pytest.raises(
            PartFailed, match=r"recorder ended with status 1 before it was ready[\s\S]*the disk is full"
        ):
            await stack.started()
    began = {line.split()[0] for line in parts.lines() if line.endswith("began")}
    ended = {line.split()[0] for line in parts.lines() if "ended" in line}
    assert began - ended <= {"recorder"}


async def test_a_stack_may_be_left_before_it_has_begun(diary, lock):
    parts, events = FakeParts(diary), Events()
    async with Stack(parts, events, None, lock):
        await asyncio.sleep(0)
    assert not any(alive(pid) for pid in events.pids.values())


async def test_a_part_that_dies_is_started_again_with_what_it_had(diary, lock):
    parts, events = FakeParts(diary), Events()
    async with Stack(parts, events, None, lock) as stack:
        await stack.started()
        before = dict(events.pids)
        os.kill(before["simulator"], signal.SIGKILL)
        await until(lambda: events.pids["simulator"] != before["simulator"])
        os.kill(before["worker"], signal.SIGKILL)
        await until(lambda: events.pids["worker"] != before["worker"])
    assert "simulator was ended by SIGKILL, again in 0.2" in events.seen
    assert "worker was ended by SIGKILL, again in 0.2" in events.seen
    assert ("simulator", "http://127.0.0.1:1/v1") in parts.asked
    assert not any(alive(pid) for pid in events.pids.values())


async def test_pauses_grow_while_a_part_dies_at_once_and_shrink_when_it_has_lived(diary):
    events, pauses, now = Events(), [], [0.0]

    async def sleep(seconds):
        pauses.append(seconds)

    kept = KeptPart("worker", lambda: part("worker", diary, _READY), events, None, clock=lambda: now[0], sleep=sleep)
    await kept.start()
    for count in range(7):
        now[0] += 60.0 if count == 6 else 1.0
        os.kill(events.pids["worker"], signal.SIGKILL)
        await until(lambda count=count: sum("ready" in event for event in events.seen) == count + 2)
    await kept.stop()
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 0.2]


async def test_a_part_that_comes_back_broken_is_tried_again(diary):
    events, manners = Events(), iter(["good", "broken", "broken"])

    async def sleep(_):
        pass

    kept = KeptPart("worker", lambda: part("worker", diary, _READY, next(manners, "good")), events, None, sleep=sleep)
    await kept.start()
    first = events.pids["worker"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: events.pids["worker"] != first)
    await kept.stop()
    assert sum("before it was ready" in event for event in events.seen) == 2


async def test_a_part_that_is_killed_before_it_is_ready_gets_a_second_chance(diary):
    events, manners, pauses = Events(), iter(["killed", "killed", "good"]), []

    async def sleep(seconds):
        pauses.append(seconds)

    kept = KeptPart("worker", lambda: part("worker", diary, _READY, next(manners)), events, None, sleep=sleep)
    assert await kept.start() == "http://here"
    await kept.stop()
    assert pauses == [0.2, 1.0]
    assert events.seen[0] == "worker was ended by SIGKILL before it was ready, again in 0.2"


async def test_a_part_that_is_always_killed_has_failed(diary):
    async def sleep(_):
        pass

    kept = KeptPart("worker", lambda: part("worker", diary, _READY, "killed"), Events(), None, sleep=sleep)
    with pytest.raises(PartFailed, match="was ended by SIGKILL"):
        await kept.start()
    await kept.stop()


async def test_a_part_that_does_not_hear_is_killed_with_its_children(diary):
    events = Events()
    kept = KeptPart("worker", lambda: part("worker", diary, _READY, "deaf", patience=0.1), events, None)
    await kept.start()
    await kept.stop()
    assert not alive(events.pids["worker"])


async def test_a_part_that_announces_nonsense_has_failed(diary):
    kept = KeptPart("worker", lambda: part("worker", diary, "hello"), Events(), None)
    with pytest.raises(PartFailed, match="expected a line of JSON that says ready, got 'hello'"):
        await kept.start()
    await kept.stop()


@pytest.mark.parametrize(("read", "line"), [(operations_address, "{}"), (operations_address, ""), (base_url, "8080")])
def test_announcements_of_another_kind_are_refused(read, line):
    with pytest.raises(ValueError, match="expected"):
        read(line)


_OWNER = """
import asyncio, sys
from pathlib import Path
from headgate.workers.stack.ownership import Ground, Owner, SharedStack
from headgate.workers.stack.stack import Stack
from support.stacks import Events, FakeParts

async def main(folder):
    parts = FakeParts(folder / "diary", manners={"worker": "slow", "recorder": "slow"})
    ground, events = Ground(folder), Events()
    async with SharedStack(ground, Owner(1, "run"), lambda lock: Stack(parts, events, None, lock), events) as stack:
        await stack.started()
        print(*events.pids.values(), flush=True)
        await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def killed_owner(tmp_path):
    """Return a function that starts a stack in another process and kills that process without warning."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as owner:
        pids = [int(word) for word in owner.stdout.readline().split()]
        owner.kill()
    return pids


async def test_when_the_owner_is_killed_the_parts_end_in_the_same_order(killed_owner, diary):
    await until(lambda: not any(alive(pid) for pid in killed_owner))
    ends = [line for line in diary.read_text().splitlines() if "ended" in line]
    assert ends[0] == "worker ended by lifeline"
    assert set(ends[1:]) == {"recorder ended by lifeline", "simulator ended by lifeline"}


async def test_the_ground_is_not_free_before_the_last_of_a_killed_stack_is_gone(killed_owner, tmp_path):
    ground = Ground(tmp_path)
    seen = []
    while not ground.take():
        seen.append([alive(pid) for pid in killed_owner[:2]])
        await asyncio.sleep(0.01)
    assert seen, "the slow worker was expected to hold the ground for a while"
    lines = (tmp_path / "diary").read_text().splitlines()
    assert {"worker ended by lifeline", "recorder ended by lifeline"} <= set(lines)
    ground.leave()


async def test_whoever_comes_second_shares_and_takes_over_when_the_first_leaves(tmp_path):
    parts = FakeParts(tmp_path / "diary")

    def shared(number, events):
        me = Owner(number, "run")
        return SharedStack(Ground(tmp_path), me, lambda lock: Stack(parts, events, None, lock), events)

    first, second = Events(), Events()
    async with shared(2, second) as other:
        async with asyncio.timeout(20):
            await other.started()
        assert other.is_ours
        async with shared(1, first) as mine:
            await until(lambda: first.seen)
            assert first.seen == ["shared with 2"]
            assert not mine.is_ours
    assert first.seen[0] == "shared with 2"
    # the other way round: the owner leaves while somebody shares
    first, second = Events(), Events()
    owner, guest = shared(1, first), shared(2, second)
    await owner.__aenter__()
    await owner.started()
    await guest.__aenter__()
    await until(lambda: second.seen)
    await owner.__aexit__(None, None, None)
    async with asyncio.timeout(20):
        await guest.started()
    assert guest.is_ours
    assert second.seen[:2] == ["shared with 1", "ours"]
    await guest.__aexit__(None, None, None)
    assert not any(alive(pid) for pid in (*first.pids.values(), *second.pids.values()))


def test_the_note_of_an_owner_is_read_or_nothing_is(tmp_path):
    ground = Ground(tmp_path)
    assert ground.owner() is None
    assert ground.take()
    ground.sign(Owner(7, "up"))
    assert Ground(tmp_path).owner() == Owner(7, "up")
    (tmp_path / "stack.json").write_bytes(b"{")
    assert Ground(tmp_path).owner() is None
    ground.leave()
    assert Ground(tmp_path).take()
