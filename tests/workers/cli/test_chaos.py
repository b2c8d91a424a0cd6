"""`headgate run` while everything about it is killed at random, itself included: one answer each, all in the books."""

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml

from support.cluster import HEADGATE, Cluster, line, reconcile, write_lines

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

_KILLS = 8


def _children(process):
    """The processes of a run, by what they are."""
    found = {"run": process.pid}
    for child in psutil.Process(process.pid).children():
        words = child.cmdline()
        found["valkey" if "valkey" in words[0] else words[3]] = child.pid
    return found


def _started(folder, log):
    command = [str(HEADGATE), "run", "in.jsonl", "-o", "out.jsonl", "--format", "json"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_run_survives_the_death_of_any_of_its_processes(tmp_path, seed):
    chance, count = random.Random(seed), 3000
    with Cluster(tmp_path) as cluster, (tmp_path / "run.log").open("w") as log:
        cluster.simulator("--latency", "lognormal:100,800")
        deployment = {"id": "a", "provider": "openai", "model": "gpt-4o-mini"}
        config = {
            "providers": {"openai": {"base_url": cluster.sim.url, "api_key": "sk-test"}},
            "models": [{"name": "gpt-4o-mini", "deployments": [deployment]}],
            "limits": {"in_flight": 50},
            "operations": {"drain": 5},
        }
        (tmp_path / "headgate.yaml").write_text(yaml.safe_dump(config))
        write_lines(tmp_path / "in.jsonl", [line(n) for n in range(count)])
        process, killed = _started(tmp_path, log), []
        while process.poll() is None:
            time.sleep(chance.uniform(1.5, 4.0))  # the random moment is the point
            victims = _children(process) if process.poll() is None and len(killed) < _KILLS else {}
            if not victims:
                continue
            killed.append(chance.choice(sorted(victims)))
            psutil.Process(victims[killed[-1]]).send_signal(signal.SIGKILL)
            if killed[-1] == "run":
                process.communicate()
                process = _started(tmp_path, log)
        out, _ = process.communicate()
        assert process.returncode == 0, (killed, Path(log.name).read_text())
        (row,) = json.loads(out)["rows"]
        assert (row["completed"], row["failed"]) == (count, 0), killed
        outcomes = reconcile(cluster.sim.books(), cluster.ledger())
    assert outcomes["succeeded"] == count, (killed, outcomes)
    answers = [json.loads(each) for each in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"c{n}" for n in range(count)]
