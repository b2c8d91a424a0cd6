"""One connection to a Redis or Valkey, whose trouble comes in three kinds.

    LinkError
    ├── LinkDown      the server cannot be reached, or cannot work now: try again; what was asked may have been done
    ├── LinkFull      the server's memory is full: nothing was done
    ├── GroupGone     a consumer group or its stream is not there: nothing was done
    └── LinkRefused   trying again will not help: wrong password, wrong kind of key, too old a server

redis-py's own pool and retries are not used: they reconnect silently, and whoever reads from a consumer group must
know that an answer got lost, because the server counts its entries as delivered.

All keys of one bus, or of one store, lie in one slot, so on Redis Cluster one node has them all. Whichever node is
configured says which one that is, and it is followed there.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, parse_url
from redis.exceptions import (
    AuthenticationError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ..schemas.config import Tls
from .redis_tls import ClearConnection, SecuredConnection
from .tls import tls_context

_T = TypeVar("_T")

#: Larger reads mean fewer turns of the event loop; asyncio buffers twice its limit of 64 KiB.
_READ_BYTES: Final = 128 * 1024
#: How often one command is followed to another node.
_MOVES: Final = 3
_FIRST_PAUSE: Final = 0.02
_MAX_PAUSE: Final = 0.5

#: What a server says that will be able to work later. `LOADING` is a `ConnectionError` of redis-py already.
_PASSING: Final = frozenset(
    {"ASK", "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY", "TRYAGAIN"}
)
_FORBIDDEN: Final = (AuthenticationError, NoPermissionError)
_GONE: Final = frozenset({"NOGROUP", "UNBLOCKED"})


class LinkError(Exception):
    """Something is wrong with the server or the way to it."""


class LinkDown(LinkError):  # noqa: N818 - the name is the state
    """The server cannot be reached, or cannot work now. What was asked may have been done."""


class LinkFull(LinkError):  # noqa: N818 - the name is the state
    """The server's memory is full; nothing was done."""


class GroupGone(LinkError):  # noqa: N818 - the name is the state
    """A consumer group or its stream is not there; nothing was done."""


class LinkRefused(LinkError):  # noqa: N818 - the name is the state
    """The server says no, and will again."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is and how to enter."""

    #: `redis://`, `rediss://` or `unix://`, as redis-py reads it; or who is asked for it before each connection.
    url: str | Callable[[], Awaitable[str]]
    password: str | None = field(default=None, repr=False)
    #: For `rediss://`; None: the system's authorities, and no certificate of ours.
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    async def connection(self, node: "Node | None" = None) -> AbstractConnection:
        """Make a connection that is not open yet: to another node of its cluster, if one is named."""
        url = self.url if isinstance(self.url, str) else await self.url()
        options: dict[str, Any] = dict(parse_url(url))
        kind: type[AbstractConnection] = options.pop("connection_class", Connection)
        if self.password is not None:
            options["password"] = self.password
        if issubclass(kind, SSLConnection):
            kind, options["context"] = SecuredConnection, self.tls or tls_context(Tls())
        elif kind is Connection:
            kind = ClearConnection
        # protocol 2: the answers have one shape, and no server may push what nobody reads
        options |= {"protocol": 2, "driver_info": None, "socket_timeout": None, "socket_read_size": _READ_BYTES}
        if node is not None:
            options |= {"host": node.host or options.get("host", "localhost"), "port": node.port}
        return kind(**options)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a Redis Cluster."""

    #: Empty: where the one is that named it.
    host: str
    port: int

    @classmethod
    def of(cls, moved: str) -> "Node":
        """Read where a slot is said to be: `3999 10.0.0.7:6381`."""
        host, _, port = moved.rpartition(" ")[2].rpartition(":")
        return cls(host, int(port))


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, called by its digest."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Take a script's text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


class RedisLink:
    """One connection, opened when it is needed, used by one caller at a time."""

    def __init__(self, address: Address, *, timeout_seconds: float = 10.0) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._connection: AbstractConnection | None = None
        #: The node of a cluster that has the keys; None: whoever is at the address.
        self._node: Node | None = None
        self._turn = asyncio.Lock()
        #: Counts connections: whoever sees another number than last time may have missed answers.
        self.connections = 0

    def __repr__(self) -> str:
        return f"<RedisLink {self._connection!r}>"

    async def call(self, *command: bytes | str | int, blocking_seconds: float = 0.0) -> Any:
        """Send a command and return its answer. Raises `LinkError`.

        `blocking_seconds` is how long the command itself asks the server to wait.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout + blocking_seconds):
                    return await self._answer(*command)
            except TimeoutError as error:
                await self._drop()
                raise LinkDown(f"expected an answer within {self._timeout + blocking_seconds} s, got none") from error
            except RedisError as error:
                raise await self._meaning(error) from error
            except OSError as error:
                await self._drop()
                raise LinkDown(str(error)) from error
            except asyncio.CancelledError:
                await self._drop()  # the answer to this command must not become the next one's
                raise

    async def _answer(self, *command: bytes | str | int) -> Any:
        """Ask, wherever the keys are: a node that does not have them has done nothing."""
        for _ in range(_MOVES):
            connection = self._connection or await self._open()
            # in C: redis-py's own way, on asyncio, copies what it has so far with every argument
            await connection.send_packed_command([pack_command(command)])
            try:
                # redis-py leaves half of this type out
                return cast("Any", await connection.read_response())
            except MovedError as moved:
                await self._drop()
                self._node = Node.of(str(moved))
        raise RedisConnectionError("expected a node of the cluster to have the keys, each names another one")

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> Any:
        """Run a script and return its answer. Raises `LinkError`."""
        try:
            return await self.call("EVALSHA", script.digest, len(keys), *keys, *args)
        except _ScriptUnknown:
            return await self.call("EVAL", script.text, len(keys), *keys, *args)

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        await self._drop()

    async def _open(self) -> AbstractConnection:
        connection = await self._address.connection(self._node)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it out
        except BaseException:
            self._node = None  # the cluster may have another one for it by now
            await connection.disconnect(nowait=True)
            raise
        self._connection = connection
        self.connections += 1
        return connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _meaning(self, error: RedisError) -> LinkError:
        """Translate redis-py's errors at this one door; a connection that may be out of step is dropped."""
        if isinstance(error, NoScriptError):
            return _ScriptUnknown(str(error))
        if isinstance(error, OutOfMemoryError):
            return LinkFull(str(error))
        word = str(error).partition(" ")[0]
        if word in _GONE:
            return GroupGone(str(error))
        await self._drop()
        if isinstance(error, _FORBIDDEN) or isinstance(error.__cause__, _FORBIDDEN):
            return LinkRefused(f"expected the server to let us in, got: {error}. Check the user, password and rights.")
        passing = isinstance(error, RedisConnectionError | RedisTimeoutError) or _code(error, word) in _PASSING
        return LinkDown(str(error)) if passing else LinkRefused(str(error))


def _code(error: RedisError, word: str) -> str:
    """Return the error's first word; redis-py takes it off those that have a class of their own."""
    code = error.status_code if isinstance(error, ResponseError) else None
    return code or word


class _ScriptUnknown(LinkError):  # noqa: N818 - as above
    """The server does not know the digest: it has restarted since."""


async def insist(
    attempt: Callable[[], Awaitable[_T]],
    *,
    on_trouble: Callable[[LinkDown], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> _T:
    """Try until the server is there. Only for what may be done twice."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except LinkDown as error:
            on_trouble(error)
        await sleep(pause)
        pause = min(_MAX_PAUSE, pause * 2)
