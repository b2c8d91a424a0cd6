"""Headgate as its processes: started, killed, restarted, and held against the simulator's books."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import msgspec
import yaml

from headgate.schemas.usage import Outcome

HEADGATE = Path(sys.executable).parent / "headgate"
#: Seconds for anything that should take a few: long enough for a busy machine.
PATIENCE = 60


class Process:
    """One `headgate` process. Its standard output is read line by line, its standard error kept in a file."""

    def __init__(self, *arguments, cwd: Path, name: str):
        self.log = cwd / f"{name}.log"
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [str(HEADGATE), *arguments], cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._lines = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self):
        with self.popen.stdout as output:
            for line in output:
                self._lines.put(line.decode().rstrip("\n"))
        self._lines.put(None)

    def line(self, seconds=PATIENCE):
        """Wait for the next line of standard output."""
        line = self._lines.get(timeout=seconds)
        if line is None:
            raise AssertionError(f"the process ended ({self.popen.wait()}) instead of speaking:\n{self.told()}")
        return line

    def told(self):
        """What it said on standard error, the end of it."""
        return self.log.read_text(errors="replace")[-4000:]

    @property
    def pid(self):
        return self.popen.pid

    @property
    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def kill9(self):
        """End it where it stands."""
        self.popen.kill()
        self.popen.wait()

    def terminate(self, seconds=PATIENCE):
        """End it as a supervisor does, and return its exit status."""
        if self.alive:
            self.popen.terminate()
        return self.popen.wait(timeout=seconds)

    def close(self):
        """Leave nothing behind."""
        if self.alive:
            self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self._reading.join(PATIENCE)


class Simulator(Process):
    """The provider: its books are what the ledger is held against."""

    def __init__(self, *arguments, cwd):
        super().__init__("simulate", "--port", "0", *arguments, cwd=cwd, name="simulator")
        self.url = self.line()

    def _get(self, path):
        with urllib.request.urlopen(self.url.removesuffix("/v1") + path, timeout=PATIENCE) as answer:
            return answer.read()

    def books(self):
        """One entry per attempt that reached the provider."""
        return [json.loads(line) for line in self._get("/simulator/books").splitlines()]

    def served(self):
        """How many attempts it has answered or is answering."""
        return json.loads(self._get("/simulator/totals"))["attempts"]

    def wait_for(self, attempts, seconds=PATIENCE):
        """Wait until so many attempts have arrived."""
        wait_until(lambda: self.served() >= attempts, f"{attempts} attempts at the simulator", seconds)


@dataclass
class Cluster:
    """A directory, a config, and the processes that were started in it."""

    cwd: Path
    config: dict = field(default_factory=dict)
    processes: list = field(default_factory=list)

    def __post_init__(self):
        self.config = {"operations": {"worker_port": 0, "recorder_port": 0, "drain": 5}, **self.config}
        self.write()

    def write(self):
        """Write the config, again if it has changed."""
        (self.cwd / "headgate.yaml").write_text(yaml.safe_dump(self.config))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.close()

    def _started(self, process):
        self.processes.append(process)
        return process

    def simulator(self, *arguments):
        self.sim = self._started(Simulator(*arguments, cwd=self.cwd))
        return self.sim

    def worker(self, slot):
        """Start a worker; it is not waited for."""
        arguments = ("worker", "--slot", slot, "--simulator", self.sim.url)
        return self._started(Process(*arguments, cwd=self.cwd, name=f"worker-{slot}"))

    def recorder(self):
        return self._started(Process("recorder", cwd=self.cwd, name="recorder"))

    def headgate(self, *arguments, check=True):
        """Run a command to its end."""
        command = [HEADGATE, *arguments]
        done = subprocess.run(command, cwd=self.cwd, capture_output=True, text=True, timeout=600, check=False)
        if check and done.returncode:
            raise AssertionError(f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def ledger(self):
        """Every row of the ledger; nobody else may hold it."""
        with duckdb.connect(str(self.cwd / "headgate.duckdb"), read_only=True) as connection:
            cursor = connection.execute("SELECT * FROM usage")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def reconcile(books, rows):
    """Hold the ledger against the simulator's books, attempt by attempt; return what it came to."""
    attempts = {str(row["event_id"]): row for row in rows if row["outcome"] != Outcome.REFUSED}
    assert len(attempts) == sum(row["outcome"] != Outcome.REFUSED for row in rows), "an event is in the ledger twice"
    served = {entry["client_request_id"]: entry for entry in books}
    assert len(served) == len(books), "two attempts had one id"
    unknown = [entry for name, entry in served.items() if name not in attempts and (entry["billed"] or entry["status"])]
    assert not unknown, f"{len(unknown)} attempts are not in the ledger, the first: {unknown[0]}"
    for name, row in attempts.items():
        if row["outcome"] == Outcome.SUCCEEDED:
            entry = served[name]
            assert entry["billed"], entry
            assert (row["input_tokens"], row["cached_tokens"], row["output_tokens"]) == (
                entry["input_tokens"],
                entry["cached_tokens"],
                entry["output_tokens"],
            )
        elif row["outcome"] == Outcome.FAILED:
            assert not served.get(name, {"billed": False})["billed"], f"billed, and said to be free: {row}"
        else:
            assert row["cost_nano"] > 0, f"uncertain, and free: {row}"
    return Counter(str(row["outcome"]) for row in attempts.values())


def wait_until(condition, what, seconds=PATIENCE):
    """Wait for something that no process announces."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


def resident_bytes(pid):
    """Memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def stop_and_go(process, seconds):
    """Suspend a process as a frozen machine would."""
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGCONT)


def line(number, *, model="gpt-4o-mini", words="hello", **fields):
    """One line of a batch file."""
    body = {"model": model, "messages": [{"role": "user", "content": f"{words} {number}"}], "max_tokens": 20}
    body |= fields.pop("body", {})
    return {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, **fields}


def write_lines(path, lines):
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in lines))
    return path
