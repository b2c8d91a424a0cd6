"""Headgate's processes for a benchmark: each on the core that it is measured on."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HEADGATE = str(Path(sys.executable).parent / "headgate")
#: The gateway has a core of its own; the simulator, the load and the bus's server share the other.
GATEWAY_CORE = 0
OTHER_CORE = 1


def pin(core: int) -> None:
    """Bind this process, and what it starts, to one core; elsewhere than on Linux, nothing."""
    if hasattr(os, "sched_setaffinity") and core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


@contextmanager
def started(arguments: list[str], cwd: Path, core: int, log_file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command on a core until the block ends."""
    with log_file.open("a") as log:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            preexec_fn=lambda: pin(core),  # noqa: PLW1509 - nothing else runs in this program yet
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line of a process's standard output."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"expected a line from {process.args!r}, it ended with {process.wait()}")
    return line.strip()


def metric(address: str, name: str) -> float:
    """Return the sum of a metric over all its labels."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))
