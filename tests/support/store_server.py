"""A store of its own, apart from the bus: to be flushed, suspended, and lost."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from headgate.workers.embedded.binary import find_binary


def real_redis():
    """The Redis of this machine, not Valkey; without it a test is skipped, and says so."""
    return shutil.which("redis-server") or pytest.skip("expected a redis-server on the PATH, there is none")


class StoreServer:
    """A Valkey, or another server, on a port, without anything on disk."""

    def __init__(self, directory, binary=None):
        self._binary = binary or find_binary()
        self._log = (directory / "store.log").open("ab")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self):
        self._start()
        return self

    def __exit__(self, *_):
        self._end()
        self._log.close()

    def _start(self):
        options = ("--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = subprocess.Popen([self._binary, *options], stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "the store does not start"
            time.sleep(0.02)

    def _answers(self):
        try:
            with Redis(port=self._port) as client:
                return client.ping()
        except RedisConnectionError:
            return False

    def _end(self):
        self._process.kill()
        self._process.wait()

    def flush(self):
        """Forget everything, and go on."""
        with Redis(port=self._port) as client:
            client.flushall()

    def stop_and_go(self, seconds):
        """Be unreachable for a while."""
        os.kill(self._process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self._process.pid, signal.SIGCONT)

    def restart_empty(self):
        """End where it stands, and begin anew with nothing."""
        self._end()
        self._start()
