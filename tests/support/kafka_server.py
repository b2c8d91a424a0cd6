"""A real Apache Kafka broker for tests, by way of `compose/kafka`: start, stop, kill, restart on the same data."""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

SCRIPT = Path(__file__).resolve().parents[2] / "compose" / "kafka"

#: Seconds that a start or a stop may take before the test is told.
_PATIENCE = 90


class KafkaUnavailableError(Exception):
    """This machine cannot run Apache Kafka; the text says what is missing."""


class KafkaFailedError(Exception):
    """`compose/kafka` failed although all it needs is there; the text is what it said."""


def _ignore(_line: str) -> None:
    """Tell nobody."""


def prepare(tell: Callable[[str], None] = _ignore) -> None:
    """Have Java, Maven and the server jars ready; raise `KafkaUnavailableError` if they cannot be had.

    The first time this downloads for up to a minute or two, and `tell` is given what is going on, line by line.
    """
    command = [sys.executable, str(SCRIPT), "prepare"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            tell(line.rstrip())
    if process.returncode != 0:
        raise KafkaUnavailableError("".join(said).strip())


class KafkaServer:
    """One broker in `directory`. It ends by itself when the process `while_pid` (this one by default) has ended."""

    def __init__(self, directory: Path, *, while_pid: int | None = None, heap: str = "512m") -> None:
        self.directory = directory
        self._while_pid = os.getpid() if while_pid is None else while_pid
        self._heap = heap
        self._address: str | None = None

    def __repr__(self) -> str:
        return f"<KafkaServer {self._address or 'never started'} in {self.directory}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.forget_data()

    @property
    def address(self) -> str:
        """`host:port`, the same over restarts."""
        if self._address is None:
            raise KafkaFailedError("expected a broker that was started, got one that never was; call start()")
        return self._address

    @property
    def pid(self) -> int:
        """The process id of the JVM."""
        return int((self.directory / "broker.pid").read_text())

    def start(self) -> str:
        """Start it, on the data and the port it had if it ever ran, and return its address when it is ready.

        A broker of this directory that is up already is left as it is.
        """
        port = "0" if self._address is None else self._address.rpartition(":")[2]
        options = ("--port", port, "--heap", self._heap, "--while-pid", str(self._while_pid))
        self._address = self._run("up", *options).strip()
        return self._address

    def stop(self) -> None:
        """End it as an operator would, and wait until it has ended."""
        self._run("down")

    def kill9(self) -> None:
        """Kill it without warning, and wait until it is dead."""
        pid = self.pid
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            _wait_for(descriptor)
        finally:
            os.close(descriptor)

    def restart(self) -> str:
        """Stop it and start it again, same port, same data."""
        self.stop()
        return self.start()

    def forget_data(self) -> None:
        """Delete what the topics held; the log of a broker that failed is worth keeping, its data are not."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def _run(self, verb: str, *options: str) -> str:
        command = [sys.executable, str(SCRIPT), verb, "--directory", str(self.directory), *options]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        if done.returncode != 0:
            raise KafkaFailedError(f"compose/kafka {verb} ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout


def _wait_for(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(_PATIENCE * 1000):
        raise KafkaFailedError(f"expected the broker to be dead within {_PATIENCE} s of kill -9")
