"""A simulator as a child process, started by the project's own interpreter, and its books.

The clients live in an environment of their own (`make sdks`), in which Headgate is not installed.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

HEADGATE = Path(os.environ.get("HEADGATE", Path(__file__).parents[2] / ".venv" / "bin" / "headgate"))
KEY = "sk-shown"


@dataclass(frozen=True)
class Running:
    """A simulator that listens."""

    url: str

    def books(self):
        """Return its attempts so far."""
        with urllib.request.urlopen(f"{self.url}/simulator/books") as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def last(self):
        """Return the last attempt."""
        return self.books()[-1]


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """Run a simulator; it ends when its stdin does."""
    command = [str(HEADGATE), "simulate", "--port", "0", "--exit-with-parent", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"expected {HEADGATE} to print its address, got nothing; does `make setup` work?")
            yield Running(line.strip().removesuffix("/v1"))
        finally:
            process.stdin.close()
            process.wait(20)


@pytest.fixture(scope="session")
def simulator() -> Iterator[Running]:
    """Return one that takes any key."""
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def guarded() -> Iterator[Running]:
    """Return one that wants `KEY`."""
    with running("--api-key", KEY) as started:
        yield started


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clients from what this machine says of real accounts."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "CO_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
