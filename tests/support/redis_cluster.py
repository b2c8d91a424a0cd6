"""A Redis Cluster of two nodes, each with half of the slots."""

import contextlib
import socket
import subprocess
import time

from redis import Redis
from redis.exceptions import RedisError

from headgate.workers.embedded.binary import find_binary

_HALVES = ((0, 8191), (8192, 16383))


class Cluster:
    """Two servers that know each other."""

    def __init__(self, directory):
        self._directory = directory
        self._processes = []
        self.ports = ()

    def __enter__(self):
        try:
            self._form()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _form(self):
        self.ports = tuple(_free_port() for _ in _HALVES)
        gossip = [_free_port() for _ in _HALVES]
        for port, other in zip(self.ports, gossip, strict=True):
            self._start(port, other)
        for node, (first, last) in enumerate(_HALVES):
            self._ask(node, "CLUSTER", "ADDSLOTSRANGE", first, last)
        self._ask(0, "CLUSTER", "MEET", "127.0.0.1", self.ports[1], gossip[1])
        self._until(lambda: all(self._is_whole(node) for node in range(2)), "the nodes to know each other")

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
            process.wait()

    def url(self, node):
        return f"redis://127.0.0.1:{self.ports[node]}/0"

    def owner(self, key):
        """The node that has a key."""
        slot = self._ask(0, "CLUSTER", "KEYSLOT", key)
        return next(node for node, (first, last) in enumerate(_HALVES) if first <= slot <= last)

    def keys(self, node):
        return self._ask(node, "DBSIZE")

    def kill(self, node):
        self._processes[node].kill()
        self._processes[node].wait()

    def _start(self, port, gossip):
        folder = self._directory / str(port)
        folder.mkdir()
        options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "cluster-enabled": "yes"}
        options |= {"cluster-port": gossip, "cluster-require-full-coverage": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        with (folder / "log").open("wb") as log:
            self._processes.append(subprocess.Popen([find_binary(), *words], stdout=log, stderr=log))
        self._until(lambda: self._ask(len(self._processes) - 1, "PING"), "a node to start")

    def _ask(self, node, *command):
        with Redis(port=self.ports[node], protocol=2) as client:
            return client.execute_command(*command)

    def _is_whole(self, node):
        with Redis(port=self.ports[node], protocol=2) as client:
            info = client.cluster("INFO")
        return (info["cluster_state"], info["cluster_slots_assigned"]) == ("ok", "16384")

    def _until(self, is_so, what):
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(RedisError):
                if is_so():
                    return
            assert time.monotonic() < deadline, f"waited 30 s for {what}"
            time.sleep(0.05)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
