"""The commands as a user meets them: real processes, a real terminal, real interruptions."""

import csv
import json
import os
import pty
import signal
import subprocess
import threading
import urllib.request

import pytest
import yaml

from support.cluster import HEADGATE, PATIENCE, Cluster, line, reconcile, wait_until, write_lines

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def slow(cluster):
    """A provider that takes its time, so that there is a middle to be interrupted in."""
    cluster.simulator("--latency", "150")
    config = {
        **cluster.config,
        "providers": {"openai": {"base_url": cluster.sim.url, "api_key": "sk-test"}},
        "models": [{"name": "gpt-4o-mini", "deployments": [{"id": "a", "provider": "openai", "model": "gpt-4o-mini"}]}],
        "limits": {"in_flight": 10},
    }
    (cluster.cwd / "headgate.yaml").write_text(yaml.safe_dump(config))
    return cluster


def lines_of(path):
    return [json.loads(each) for each in path.read_bytes().splitlines()]


def unfinished(cluster):
    return sorted(path.name for path in cluster.cwd.glob("out.jsonl*"))


def resumed(cluster, count, *more):
    """Say the same again, and hold the output against the input and the ledger against the simulator."""
    done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", "--format", "json", *more)
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["state"], row["completed"], row["failed"]) == ("complete", count, 0)
    answers = lines_of(cluster.cwd / "out.jsonl")
    assert all(answer["response"]["status_code"] == 200 for answer in answers)
    assert len({answer["id"] for answer in answers}) == count
    assert unfinished(cluster) == ["out.jsonl"]
    outcomes = reconcile(cluster.sim.books(), cluster.ledger())
    assert row["cost_nano"] == sum(event["cost_nano"] for event in cluster.ledger())
    return answers, outcomes, done.stderr


def test_a_file_is_answered_in_order_with_data_on_stdout_and_all_else_on_stderr(cluster):
    lines = [*(line(n) for n in range(40)), {"custom_id": "wrong"}, line(7), line(0, model="no-such-model")]
    write_lines(cluster.cwd / "in.jsonl", lines)
    done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", "--format", "csv", check=False)
    assert done.returncode == 3, done.stderr
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert (row["lines"], row["completed"], row["failed"]) == ("43", "40", "3")
    assert "No provider is configured: the built-in simulator answers" in done.stderr
    answers = lines_of(cluster.cwd / "out.jsonl")
    assert [answer["custom_id"] for answer in answers] == [each["custom_id"] for each in lines]
    assert all(set(answer) == {"id", "custom_id", "response", "error"} for answer in answers)
    codes = [answer["error"] and answer["error"]["code"] for answer in answers]
    assert codes == [None] * 40 + ["invalid_request", "duplicate_id", "duplicate_id"]
    report = json.loads(cluster.headgate("report", "cost", "--batch", row["batch"], "--format", "json").stdout)
    assert report["total"]["cost_nano"] == int(row["cost_nano"]) > 0
    assert report["total"]["succeeded"] == 40
    again = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert "out.jsonl exists" in again.stderr
    assert "--force" in again.stderr


def test_after_kill_9_the_same_command_goes_on_and_nothing_is_paid_for_twice(slow):
    write_lines(slow.cwd / "in.jsonl", [line(n) for n in range(150)])
    with subprocess.Popen(
        [str(HEADGATE), "run", "in.jsonl", "-o", "out.jsonl", "--order", "completed"], cwd=slow.cwd
    ) as process:
        slow.sim.wait_for(50)
        process.kill()
    assert unfinished(slow) == ["out.jsonl.partial", "out.jsonl.state.json"]
    answers, outcomes, _ = resumed(slow, 150, "--order", "completed")
    assert {answer["custom_id"] for answer in answers} == {f"c{n}" for n in range(150)}
    assert outcomes == {"succeeded": 150}, "the worker was expected to finish its calls"


def test_ctrl_c_on_a_terminal_reaches_only_the_command_and_the_same_command_goes_on(slow):
    write_lines(slow.cwd / "in.jsonl", [line(n) for n in range(150)])
    terminal, ours = pty.openpty()
    shown = []
    reading = threading.Thread(target=_read, args=(terminal, shown), daemon=True)
    reading.start()
    name = os.ttyname(ours)
    # the leader of a session that opens a terminal by its name makes it its own
    command = f"exec {HEADGATE} run in.jsonl -o out.jsonl <{name} 2>{name}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=slow.cwd,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
        start_new_session=True,
    )
    try:
        slow.sim.wait_for(50)
        wait_until(lambda: b"/150" in b"".join(shown), "the bar")
        os.write(terminal, b"\x03")
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        reading.join(PATIENCE)
        os.close(terminal)
    text = b"".join(shown).decode()
    assert (process.returncode, out) == (130, b"")
    assert "ETA" in text
    assert "to go on, say the same again:\r\n  headgate run in.jsonl -o out.jsonl" in text
    assert unfinished(slow) == ["out.jsonl.partial", "out.jsonl.state.json"]
    assert len(slow.sim.books()) < 150
    answers, outcomes, err = resumed(slow, 150)
    assert "resuming batch-" in err
    assert [answer["custom_id"] for answer in answers] == [f"c{n}" for n in range(150)]
    assert outcomes == {"succeeded": 150}, "the worker was expected to finish its calls"


def _read(terminal, shown):
    try:
        while True:
            shown.append(os.read(terminal, 4096))
    except OSError:
        return  # the other end is closed


def test_a_stack_that_is_up_serves_submit_collect_and_run(cluster):
    write_lines(cluster.cwd / "in.jsonl", [line(n) for n in range(20)])
    submitted = json.loads(cluster.headgate("submit", "in.jsonl", "--format", "json").stdout)["rows"][0]
    assert (submitted["state"], submitted["lines"], submitted["submitted"]) == ("submitted", 20, 20)
    batch = submitted["batch"]
    early = cluster.headgate("collect", batch, "-o", "early.jsonl", "--no-wait")
    assert "0 of 20 answered" in early.stderr
    assert lines_of(cluster.cwd / "early.jsonl") == []
    with subprocess.Popen(
        [str(HEADGATE), "up", "--format", "csv"],
        cwd=cluster.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as up:
        parts = dict(each.rstrip("\n").split(",", 1) for each in iter(up.stdout.readline, "ledger,headgate.duckdb\n"))
        assert set(parts) == {"part", "bus", "worker", "recorder", "simulator"}
        for part in ("worker", "recorder"):
            with urllib.request.urlopen(parts[part] + "/readyz", timeout=PATIENCE) as answer:
                assert json.load(answer)["status"] == "ready"
            with urllib.request.urlopen(parts[part] + "/metrics", timeout=PATIENCE) as answer:
                assert b"headgate_build" in answer.read()
        cluster.headgate("collect", batch, "-o", "out.jsonl")
        run = cluster.headgate("run", "in.jsonl", "-o", "run.jsonl")
        assert f"using the stack of `headgate up`, process {up.pid}" in run.stderr
        second = cluster.headgate("up", check=False)
        assert second.returncode == 2
        assert "has a stack already" in second.stderr
        again = cluster.headgate("collect", batch, "-o", "again.jsonl", check=False)
        assert again.returncode == 2
        assert "was collected already" in again.stderr
        up.send_signal(signal.SIGINT)
        assert up.wait(PATIENCE) == 0
    for name in ("out.jsonl", "run.jsonl"):
        assert [each["custom_id"] for each in lines_of(cluster.cwd / name)] == [f"c{n}" for n in range(20)]
    assert len(cluster.ledger()) == 40


def test_a_config_that_cannot_run_ends_with_its_reason(cluster):
    config = {**cluster.config, "providers": {"nobody-knows-it": {"api_key": "sk-test"}}}
    (cluster.cwd / "headgate.yaml").write_text(yaml.safe_dump(config))
    write_lines(cluster.cwd / "in.jsonl", [line(1)])
    done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", check=False)
    assert done.returncode == 2, done.stderr
    assert "nobody-knows-it: expected a base_url" in done.stderr
    assert "Traceback" not in done.stderr
