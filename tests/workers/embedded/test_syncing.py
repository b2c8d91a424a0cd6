import asyncio

from redis.asyncio import Redis

from headgate.workers.embedded.server import EmbeddedServer
from headgate.workers.embedded.syncing import keep_synced


class Disk:
    """Hears what is synced."""

    def __init__(self, *troubles):
        self.synced, self._heard, self._troubles = [], asyncio.Event(), list(troubles)
        self._loop = asyncio.get_running_loop()

    def sync(self, path):
        self.synced.append((path.name, path.stat().st_size))
        self._loop.call_soon_threadsafe(self._heard.set)
        if self._troubles:
            raise self._troubles.pop(0)

    async def hear(self):
        await asyncio.wait_for(self._heard.wait(), 10)
        self._heard.clear()


async def test_a_log_that_has_grown_is_synced_and_one_that_has_not_is_left_alone(tmp_path):
    disk = Disk()
    logs = tmp_path / "appendonlydir"
    logs.mkdir()
    (logs / "x.1.incr.aof").write_bytes(b"12")
    syncing = asyncio.create_task(keep_synced(tmp_path, lambda: True, disk.sync, 0.001))
    await disk.hear()
    await asyncio.sleep(0.05)
    assert disk.synced == [("x.1.incr.aof", 2)]
    with (logs / "x.1.incr.aof").open("ab") as log:  # written anew it would be empty for a moment
        log.write(b"3")
    await disk.hear()
    assert disk.synced == [("x.1.incr.aof", 2), ("x.1.incr.aof", 3)]
    syncing.cancel()


async def test_what_was_not_synced_is_tried_again(tmp_path, caplog):
    disk = Disk(OSError(5, "Input/output error"), FileNotFoundError("rewritten"))
    logs = tmp_path / "appendonlydir"
    logs.mkdir()
    (logs / "x.1.incr.aof").write_bytes(b"12")
    syncing = asyncio.create_task(keep_synced(tmp_path, lambda: True, disk.sync, 0.001))
    for _ in range(3):
        await disk.hear()
    assert "Input/output error" in caplog.text
    assert "rewritten" not in caplog.text
    syncing.cancel()


async def test_whoever_does_not_keep_the_server_does_not_sync(tmp_path):
    disk = Disk()
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "x.1.incr.aof").write_bytes(b"12")
    syncing = asyncio.create_task(keep_synced(tmp_path, lambda: False, disk.sync, 0.001))
    await asyncio.sleep(0.05)
    assert disk.synced == []
    syncing.cancel()


async def test_the_keeper_syncs_what_its_server_writes(tmp_path, monkeypatch):
    disk = Disk()
    monkeypatch.setattr("headgate.workers.embedded.syncing.sync_file", disk.sync)
    async with EmbeddedServer(tmp_path) as server, Redis.from_url(server.url) as client:
        await client.set("key", "x" * 5000)
        await disk.hear()
    assert any(name.endswith(".incr.aof") and size > 5000 for name, size in disk.synced)
