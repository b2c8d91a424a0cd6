"""A recorder is killed at twenty random moments, and the ledger has every event once."""

import os
import random
import signal
import subprocess
import sys
import time
from os import environ, kill
from pathlib import Path

import pytest

from headgate.reporting.reader import open_for_reading
from headgate.schemas.usage import Outcome
from support.ledgers import a_value, write_values

_TESTS = Path(__file__).parents[2]
_ROUNDS = 20
_PER_ROUND = 60
_COUNTS = "SELECT count(*), count(DISTINCT event_id), coalesce(sum(cost_nano), 0) FROM usage"


@pytest.fixture
def nursery(tmp_path):
    topic = tmp_path / "topic"
    topic.mkdir()
    program = subprocess.Popen(
        [sys.executable, str(_TESTS / "support" / "recorder_nursery.py"), str(tmp_path / "l.duckdb"), str(topic)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), environ.get("PYTHONPATH", "")])},
    )
    assert program.stdout.readline() == "ready\n"
    yield program
    program.stdin.close()
    program.wait(timeout=30)
    program.stdout.close()


def _start(nursery) -> int:
    nursery.stdin.write("start\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _values(first: int) -> list[bytes]:
    """Events of one round: each once, some twice, some after or before their stand-in; between them, what is none."""
    values = []
    for number in range(first, first + _PER_ROUND):
        stand_in = a_value(number, outcome=Outcome.UNCERTAIN, cost_nano=999_999_999, ts=1_767_225_600_000_000)
        real = a_value(number)
        junk = b"no event %d" % number
        forms = {0: [stand_in, real], 1: [real, stand_in], 2: [real, real], 3: [real, junk]}
        values += forms.get(number % 10, [real])
    return values


def test_a_recorder_killed_at_twenty_random_moments_leaves_every_event_once(nursery, tmp_path):
    chance = random.Random(20)
    interrupted = 0
    for round_ in range(_ROUNDS):
        values = _values(round_ * _PER_ROUND)
        write_values(tmp_path / "topic", f"p{round_ % 3}", values)
        recorder = _start(nursery)
        time.sleep(chance.uniform(0.02, 0.3))  # the random moment is what is tested
        kill(recorder, signal.SIGKILL)
        assert int(nursery.stdout.readline()) == -signal.SIGKILL
        with open_for_reading(tmp_path / "l.duckdb") as reader:
            rows, events, _ = reader.rows(_COUNTS)[0]
        assert rows == events, "an event is in the ledger twice"
        interrupted += rows < (round_ + 1) * _PER_ROUND

    recorder = _start(nursery)
    kill(recorder, signal.SIGTERM)
    assert int(nursery.stdout.readline()) == 0

    total = _ROUNDS * _PER_ROUND
    with open_for_reading(tmp_path / "l.duckdb") as reader:
        assert reader.rows(_COUNTS) == [(total, total, sum(1_000 + number for number in range(total)))]
        assert reader.rows("SELECT count(*) FROM usage WHERE outcome = 'uncertain'") == [(0,)]
        assert reader.rows("SELECT count(*), count(DISTINCT raw) FROM bad_event") == [(total // 10, total // 10)]
    with open_for_reading(tmp_path / "l.snapshot.duckdb") as snapshot:
        assert snapshot.rows(_COUNTS)[0][0] == total
    assert not list(tmp_path.glob("*.tmp"))
    assert interrupted >= _ROUNDS // 2, "most kills came when there was nothing left to do: they prove nothing"
