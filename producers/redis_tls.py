"""redis-py's connections, made to tell what waiting does not cure: that the two sides do not agree on TLS.

redis-py calls that a lost connection, as if the server were away.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final, cast

from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from .tls import NOT_TLS, UNEXPECTED_TLS, tls_refusal
from .tls_probe import refusal_of, speaks_tls

#: A server in the clear may wait for the rest of what it takes for a command.
_HANDSHAKE_SECONDS: Final = 4.0
_CLEAR_SECONDS: Final = 0.5


class TlsRefusedError(RedisError):
    """The two sides cannot agree. Not a `ConnectionError`, which means: try again."""


class ClearConnection(Connection):
    """A connection without TLS. While nothing has ever come on it, its end may mean that the server wants TLS."""

    _heard = False

    async def connect(self) -> None:
        """Connect. Raises `TlsRefusedError` beside what redis-py raises."""
        try:
            await super().connect()  # type: ignore[no-untyped-call]  # redis-py leaves it out
        except RedisConnectionError as error:
            await self._explain(error)
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer. By TLS 1.3 this is where a server's refusal comes."""
        try:
            # redis-py leaves half of this type out
            answer = cast("Any", await super().read_response(*args, **options))
        except RedisConnectionError as error:
            await self._explain(error)
            raise
        self._heard = True
        return answer

    async def _explain(self, error: RedisConnectionError) -> None:
        """Raise `TlsRefusedError` if that is what is behind `error`."""
        if self._heard or type(error) is not RedisConnectionError:  # those of a class of their own are answers
            return
        came = await self._came(error)
        if came is not None:
            raise TlsRefusedError(f"expected {self._expected()} at {self.host}:{self.port}, got {came}") from error

    def _expected(self) -> str:
        return "a server without TLS"

    async def _came(self, _error: RedisConnectionError) -> str | None:
        return UNEXPECTED_TLS if await speaks_tls(self.host, self.port) else None


class SecuredConnection(ClearConnection):
    """A connection by TLS. Its context is made already: the certificates were read once, and are known to be good."""

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] - as above
        self._context = context

    def _connection_arguments(self) -> Mapping[str, Any]:
        given = cast("Mapping[str, Any]", super()._connection_arguments())  # pyright: ignore[reportUnknownMemberType]
        return {**given, "ssl": self._context, "ssl_handshake_timeout": _HANDSHAKE_SECONDS}

    def _expected(self) -> str:
        return "to agree on TLS with the server"

    async def _came(self, error: RedisConnectionError) -> str | None:
        came = tls_refusal(error)
        if came is None and await _speaks_redis(self.host, self.port):
            return NOT_TLS
        return came or await refusal_of(self.host, self.port, self._context)


async def _speaks_redis(host: str, port: int) -> bool:
    """Say whether a Redis answers in the clear, if only that it will not serve us."""
    try:
        async with asyncio.timeout(_CLEAR_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"PING\r\n")
                answer = await reader.read(1)
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return False
    return answer in {b"+", b"-"}
