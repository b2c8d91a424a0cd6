"""Calls of the scripts, in one room of a Redis or Valkey."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from ...producers.redis_link import LinkDown, Script
from ...schemas.streams import tag
from .scripts import script

_RUN_ID: Final = re.compile(rb"^run_id:(\w+)", re.MULTILINE)


class Store(Protocol):
    """What admission needs of a connection; `RedisLink` has it."""

    @property
    def connections(self) -> int:
        """How many connections there were: another number means that answers may come from another server."""
        ...

    async def call(self, *command: bytes | str | int) -> Any:
        """Send a command and return its answer. Raises `LinkError`."""
        ...

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script and return its answer. Raises `LinkError`."""
        ...


class Calls:
    """Runs scripts, and sees to it that they know which run of the server they are in.

    A server that restarts may have older data than it had: its log is written later, or it has a snapshot only. The
    book was opened for one run of the server, and in another one the scripts take it for empty.
    """

    def __init__(self, store: Store, prefix: str, now_us: Callable[[], int] | None = None) -> None:
        self._store = store
        self._keys = (f"{tag(prefix)}:book", f"{tag(prefix)}:workers")
        self._now_us = now_us
        self._server = b""
        self._server_of = 0

    def __repr__(self) -> str:
        return f"<Calls of {self._keys[0]}>"

    async def run(
        self, name: str, payload: bytes, keys: Sequence[str] = (), blob: bytes = b"", *, once: bool = False
    ) -> Any:
        """Run a script. Raises `LinkError`, also if it must not be sent again (`once`) and would have to be."""
        while True:
            server = await self._run_of_server()
            connection = self._store.connections
            now = "" if self._now_us is None else self._now_us()
            answer = await self._store.run(script(name), (*self._keys, *keys), (server, now, payload, blob))
            if self._store.connections == connection:
                return answer
            if once:
                raise LinkDown("expected one connection throughout, it was made anew")

    async def _run_of_server(self) -> bytes:
        """Return the id of the server's run, asked for once per connection."""
        if not self._server or self._server_of != self._store.connections:
            info: bytes = await self._store.call("INFO", "server")
            found = _RUN_ID.search(info)
            if found is None:
                raise LinkDown(f"expected a run_id in the server's INFO, got {info!r:.200}")
            self._server, self._server_of = found[1], self._store.connections
        return self._server
