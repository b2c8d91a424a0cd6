import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from headgate.workers.embedded import child as child_module
from headgate.workers.embedded.binary import executable, find_binary
from headgate.workers.embedded.errors import EmbeddedServerError
from headgate.workers.embedded.place import FileLock, Place
from headgate.workers.embedded.server import EmbeddedServer
from support import keeper

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")


@asynccontextmanager
async def client_of(server):
    async with Redis.from_url(await server.ensure()) as client:
        yield client


@contextmanager
def process_on(directory):
    """Another process that uses the server of `directory`."""
    command = [sys.executable, keeper.__file__, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.role, pid = process.stdout.readline().split()
        process.server_pid = int(pid)
        try:
            yield process
        finally:
            process.kill()


def servers_on(directory):
    """The living Valkey servers whose data lie in `directory`."""
    root = str(Path(directory).resolve() / "valkey")
    found = []
    for process in psutil.process_iter(["name", "status"]):
        if process.info["name"] == "valkey-server" and process.info["status"] != psutil.STATUS_ZOMBIE:
            try:
                if process.cwd() == root:
                    found.append(process.pid)
            except psutil.Error:
                continue  # it has just ended
    return found


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.01)


async def test_data_outlive_the_server(tmp_path):
    async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
        await client.set("key", "value")
    assert servers_on(tmp_path) == []
    async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
        assert await client.get("key") == b"value"


async def test_a_full_server_refuses_instead_of_forgetting(tmp_path):
    async with EmbeddedServer(tmp_path, max_memory=123_000_000) as server, client_of(server) as client:
        config = await client.config_get("maxmemory*", "append*", "port")
    assert config["maxmemory"] == "123000000"
    assert config["maxmemory-policy"] == "noeviction"
    assert (config["appendonly"], config["appendfsync"]) == ("yes", "no"), "the keeper syncs"
    assert config["port"] == "0", "nobody can reach it over the network"


async def test_only_its_owner_may_enter(tmp_path):
    async with EmbeddedServer(tmp_path / "deep" / "er") as server:
        root = tmp_path / "deep" / "er" / "valkey"
        socket = root / "socket"
        assert server.url == f"unix://{socket}"
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE((root / "address").stat().st_mode) == 0o600


async def test_a_killed_server_is_started_again_with_its_data_though_nobody_asks(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        async with client_of(server) as client:
            await client.set("key", "value")
        first = server.child_pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: server.child_pid != first)
        async with client_of(server) as client:
            assert await client.get("key") == b"value"
        assert servers_on(tmp_path) == [server.child_pid]


async def test_a_server_that_is_killed_again_and_again_comes_back(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        for count in range(5):
            async with client_of(server) as client:
                assert await client.incr("count") == count + 1
            os.kill(server.child_pid, signal.SIGKILL)
        assert len(servers_on(tmp_path)) <= 1


async def test_many_in_one_process_share_one_server(tmp_path):
    servers = [EmbeddedServer(tmp_path) for _ in range(6)]
    await asyncio.gather(*(server.__aenter__() for server in servers))
    assert [server.is_keeper for server in servers].count(True) == 1
    assert len({server.url for server in servers}) == 1
    assert len(servers_on(tmp_path)) == 1
    for server in servers:
        await server.__aexit__(None, None, None)
    assert servers_on(tmp_path) == []


async def test_when_the_keeper_takes_leave_another_one_keeps_the_server(tmp_path):
    first, second = EmbeddedServer(tmp_path), EmbeddedServer(tmp_path)
    await first.__aenter__()
    await second.__aenter__()
    async with client_of(first) as client:
        await client.set("key", "value")
    await first.__aexit__(None, None, None)
    await until(lambda: second.is_keeper and second.child_pid is not None)
    async with client_of(second) as client:
        assert await client.get("key") == b"value"
    await second.__aexit__(None, None, None)


@linux
async def test_a_server_dies_with_a_killed_keeper_and_leaves_its_data(tmp_path):
    with process_on(tmp_path) as process:
        assert process.role == "keeper"
        async with EmbeddedServer(tmp_path) as server:
            assert not server.is_keeper
            async with client_of(server) as client:
                await client.set("key", "value")
            process.kill()
            await until(lambda: server.is_keeper and server.child_pid is not None)
            async with client_of(server) as client:
                assert await client.get("key") == b"value"
            assert servers_on(tmp_path) == [server.child_pid]
            assert process.server_pid != server.child_pid


@linux
async def test_nothing_is_left_behind_by_a_killed_keeper(tmp_path):
    with process_on(tmp_path) as process:
        process.kill()
        await until(lambda: servers_on(tmp_path) == [])


async def test_of_many_processes_one_is_the_keeper_whoever_is_killed(tmp_path):
    with process_on(tmp_path) as first, process_on(tmp_path) as second, process_on(tmp_path) as third:
        assert [p.role for p in (first, second, third)] == ["keeper", "attached", "attached"]
        first.kill()
        async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
            assert await client.ping()
            # the killed keeper's server may have answered that, and be gone before its successor has begun
            async with asyncio.timeout(20):
                while len(servers_on(tmp_path)) != 1:  # noqa: ASYNC110 - processes tell nobody
                    await asyncio.sleep(0.02)


@pytest.fixture
async def orphan(tmp_path, monkeypatch):
    """A server left behind, as by a killed keeper where the kernel does not help."""
    monkeypatch.setattr(child_module, "_dying_with_us", lambda: ())
    server = EmbeddedServer(tmp_path)
    await server.__aenter__()
    async with client_of(server) as client:
        await client.set("key", "value")
    for task in server._tasks:
        task.cancel()
    server._keeper.release()
    monkeypatch.undo()
    yield server._child
    if server._child.alive:
        child_module.kill_group(server._child.pid)
        await server._child.stop()


async def test_a_server_left_behind_is_replaced_by_one_on_the_same_data(tmp_path, orphan):
    async with EmbeddedServer(tmp_path) as server:
        assert server.is_keeper
        assert not orphan.alive
        assert servers_on(tmp_path) == [server.child_pid]
        async with client_of(server) as client:
            assert await client.get("key") == b"value"


@linux
async def test_a_server_left_behind_that_does_not_listen_is_killed(tmp_path, orphan):
    os.kill(orphan.pid, signal.SIGSTOP)
    async with EmbeddedServer(tmp_path, eviction_seconds=1.5) as server:
        assert not orphan.alive
        async with client_of(server) as client:
            assert await client.get("key") == b"value"


async def test_no_second_server_is_started_while_something_of_the_first_one_lives(tmp_path):
    place = Place.under(tmp_path)
    lock = FileLock(place.server_lock)
    assert lock.acquire()
    with pytest.raises(EmbeddedServerError, match="expected the server that a dead process left behind"):
        await EmbeddedServer(tmp_path, eviction_seconds=0.1).__aenter__()
    assert servers_on(tmp_path) == []


async def test_whoever_is_attached_hears_of_a_keeper_that_does_not_do_its_duty(tmp_path):
    lock = FileLock(Place.under(tmp_path).keeper_lock)
    assert lock.acquire()
    with pytest.raises(EmbeddedServerError, match="it has not"):
        await EmbeddedServer(tmp_path, patience_seconds=0.2).__aenter__()


async def test_a_directory_with_a_long_path_gets_a_socket_with_a_short_one(tmp_path):
    directory = tmp_path / ("long" * 20) / ("longer" * 10)
    async with EmbeddedServer(directory) as server, client_of(server) as client:
        assert len(server.url) < 110
        assert await client.ping()
        async with EmbeddedServer(directory) as other:
            assert other.url == server.url


async def test_a_path_with_odd_characters_is_no_obstacle(tmp_path):
    async with EmbeddedServer(tmp_path / "with space %41 é") as server, client_of(server) as client:
        assert await client.ping()


def test_a_private_directory_that_somebody_else_made_is_not_used(tmp_path):
    place = Place(tmp_path / ("x" * 100))
    socket = place.socket(tmp_path)
    socket.parent.chmod(0o777)
    with pytest.raises(EmbeddedServerError, match="somebody else made it"):
        place.socket(tmp_path)


def _pretender(tmp_path, says):
    """A binary that writes to its log and exits."""
    binary = tmp_path / "pretender"
    binary.write_text(f'#!/bin/sh\nwhile [ "$1" != --logfile ]; do shift; done\necho "{says}" > "$2"\nexit 3\n')
    binary.chmod(0o700)
    return binary


async def test_a_server_that_cannot_start_says_why_and_what_to_do(tmp_path):
    server = EmbeddedServer(tmp_path, binary=_pretender(tmp_path, "Fatal: No space left on device"))
    with pytest.raises(EmbeddedServerError, match="The disk is full: free some space") as caught:
        await server.__aenter__()
    assert "exited with 3." in str(caught.value)
    assert "Fatal: No space left on device" in str(caught.value)
    async with EmbeddedServer(tmp_path) as second:
        assert second.is_keeper, "a failed start lets go of the locks"


async def test_damaged_data_are_reported_and_left_as_they_are(tmp_path):
    async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
        await client.set("key", "value")
    [log] = (tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof")
    damaged = b"*3\r\n$3\r\nSET\r\n garbage that is no command \r\n" + log.read_bytes()
    log.write_bytes(damaged)
    with pytest.raises(EmbeddedServerError, match="The data are damaged"):
        await EmbeddedServer(tmp_path).__aenter__()
    assert log.read_bytes() == damaged


async def test_a_log_that_ends_in_the_middle_of_a_command_is_no_obstacle(tmp_path):
    async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
        await client.set("key", "value")
    [log] = (tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$3\r\nke")
    async with EmbeddedServer(tmp_path) as server, client_of(server) as client:
        assert await client.get("key") == b"value"


def test_a_missing_package_is_told_by_its_name():
    with pytest.raises(EmbeddedServerError, match="expected the package no_such_package to be installed"):
        find_binary("no_such_package")


def test_a_package_without_a_server_for_this_machine_is_told_by_what_it_has():
    with pytest.raises(EmbeddedServerError, match="pytest has none"):
        find_binary("pytest")


def test_a_binary_that_may_not_be_run_is_told_with_what_to_do(tmp_path):
    binary = tmp_path / "valkey-server"
    binary.touch(0o600)
    with pytest.raises(EmbeddedServerError, match="chmod"):
        executable(binary)


async def test_a_server_that_is_not_entered_is_not_there(tmp_path):
    with pytest.raises(EmbeddedServerError, match="to be entered"):
        await EmbeddedServer(tmp_path).ensure()


@linux
def test_ctrl_c_ends_the_keeper_first_and_the_server_cleanly(tmp_path):
    command = [sys.executable, keeper.__file__, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        server_pid = int(process.stdout.readline().split()[1])
        assert os.getpgid(server_pid) != process.pid, "it does not hear Ctrl-C itself"
        os.killpg(process.pid, signal.SIGINT)
        process.wait(10)
    assert servers_on(tmp_path) == []
    assert "ready to exit" in (tmp_path / "valkey" / "valkey.log").read_text()


async def test_starting_takes_a_moment_only(tmp_path):
    began = time.monotonic()
    async with EmbeddedServer(tmp_path):
        assert time.monotonic() - began < 5, "0.07 s on a quiet machine; the bound is for busy ones"
