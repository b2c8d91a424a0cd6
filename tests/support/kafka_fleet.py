"""Workers that are processes and nothing but a bus (`kafka_bus_worker.py`): to be killed, suspended, looked after."""

import asyncio
import collections
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from conformance.harness import number_of

from headgate.schemas.topics import Topics
from support.kafka_client import read_all

PROGRAM = Path(__file__).with_name("kafka_bus_worker.py")
LOST = 3


class Worker:
    """One slot: a process that is started again when its bus was lost, as an orchestrator would."""

    def __init__(self, config, slot="-", seconds=0.05, share=0.0, parked=0):
        self._command = [sys.executable, str(PROGRAM), config.bootstrap_servers[0], config.prefix, config.group]
        self._command += [slot, str(seconds), str(share), str(parked)]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        self.start()

    def start(self):
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._said, text=True)

    async def started(self):
        line = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), 60)
        assert line == "started\n"

    def send(self, number):
        self.process.send_signal(number)  # nothing happens to a process that has ended

    def kill9(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def forget(self):
        self._said.close()

    def look_after(self):
        """Start it again if it has ended because its bus was lost; anything else is a failure."""
        status = self.process.poll()
        if status is not None:
            assert status == LOST, f"a worker ended with {status}: {self._last_words()}"
            self.process.stdout.close()
            self.start()

    def _last_words(self):
        self._said.seek(0)
        return self._said.read()[-20_000:].decode()

    def explain(self):
        """Return what it is at."""
        self.send(signal.SIGUSR1)
        time.sleep(1)
        return f"\n--- {self._command[-4]} pid {self.process.pid}, status {self.process.poll()}:\n{self._last_words()}"

    async def stop(self):
        self.send(signal.SIGTERM)
        assert await asyncio.to_thread(self.process.wait, 30) == 0


@contextmanager
def fleet():
    """Collects workers; whatever happens, none outlives the test."""
    workers = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send(signal.SIGCONT)
            worker.kill9()
            worker.forget()


async def numbers(config, topic):
    return collections.Counter(number_of(record) for record in await read_all(config, topic))


async def answered(config, count, workers=(), seconds=60):
    """Wait until so many requests have a reply."""
    until = time.monotonic() + seconds
    while True:
        for worker in workers:
            worker.look_after()
        replies = await numbers(config, Topics(config.prefix).replies())
        if len(replies) >= count:
            return replies
        if time.monotonic() > until:
            said = "".join(worker.explain() for worker in workers)
            pytest.fail(f"expected {count} requests to be answered, got {len(replies)}{said}")
        await asyncio.sleep(0.1)
