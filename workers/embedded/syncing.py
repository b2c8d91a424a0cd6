"""Bringing the server's log to the disk once a second, beside the server.

With `appendfsync everysec` the server holds writes back while a sync is running, for up to two seconds, and answers all
the same: a `kill -9` in that time loses what was acknowledged. With `appendfsync no` each write is with the operating
system before its answer leaves, so that no death of a process loses anything; and a power cut loses no more than with
`everysec`, because the keeper syncs.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 1.0
_LOGS: Final = "appendonlydir/*.aof"


async def keep_synced(
    root: Path,
    is_ours: Callable[[], bool],
    sync: Callable[[Path], None] | None = None,
    every_seconds: float = _EVERY_SECONDS,
) -> None:
    """Sync the logs below `root` that have grown, for ever, while `is_ours` says that nobody else has to."""
    sizes: dict[Path, int] = {}
    while True:
        await asyncio.sleep(every_seconds)
        if is_ours():
            await asyncio.to_thread(_sync_grown, root, sizes, sync or sync_file)


def _sync_grown(root: Path, sizes: dict[Path, int], sync: Callable[[Path], None]) -> None:
    for log in root.glob(_LOGS):
        try:
            size = log.stat().st_size
            if sizes.get(log) != size:
                sync(log)
                sizes[log] = size
        except FileNotFoundError:
            continue  # the server has rewritten it
        except OSError as error:
            _log.error("valkey log is not synced, a power cut may lose it: %s", error)


def sync_file(path: Path) -> None:
    """Bring what any process has written to a file to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
