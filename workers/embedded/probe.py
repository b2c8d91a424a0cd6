"""Ask whoever listens on a socket whether it is the server of a directory."""

import asyncio
import enum
from pathlib import Path
from typing import Final

_QUESTION: Final = b"PING\r\nCONFIG GET dir\r\n"
_SHUTDOWN: Final = b"SHUTDOWN\r\n"


class Health(enum.Enum):
    """What came back."""

    #: Nobody listens, or somebody else does.
    ABSENT = enum.auto()
    #: Ours, and reading its data.
    LOADING = enum.auto()
    #: Ours, and taking commands.
    READY = enum.auto()


async def probe(socket: Path, root: Path, wait_seconds: float = 1.0) -> Health:
    """Ask the server at `socket`; only one whose data lie in `root` counts."""
    try:
        async with asyncio.timeout(wait_seconds):
            pong, directory = await _ask(socket)
    except (OSError, asyncio.IncompleteReadError):  # TimeoutError is an OSError
        return Health.ABSENT
    if directory != str(root).encode():
        return Health.ABSENT
    if pong == b"+PONG":
        return Health.READY
    return Health.LOADING if pong.startswith(b"-LOADING") else Health.ABSENT


async def shut_down(socket: Path) -> None:
    """Tell the server at `socket` to save and exit, if it is there."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return  # it is gone already
    writer.write(_SHUTDOWN)
    await _close(writer)


async def _ask(socket: Path) -> tuple[bytes, bytes]:
    """Return the answer to PING, and the server's directory: `+PONG`, then an array of two strings."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(_QUESTION)
        lines = [(await reader.readuntil(b"\r\n"))[:-2] for _ in range(6)]
    finally:
        await _close(writer)
    return lines[0], lines[-1]


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return  # the other side was faster
