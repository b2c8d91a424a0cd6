"""An `httpx` transport over `aiohttp`: httpx's types, mocks and users' transports, without its connection pool.

httpx's own pool walks all idle connections for every request, which at 512 in flight costs 40 times as much CPU as this
(docs/decisions/0003-http-client.md).
"""

from typing import Final, Self, cast

import aiohttp
import httpx
from yarl import URL

#: An answer that is larger is cut off: no provider sends one, and memory is bounded.
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024


class _AsGiven(aiohttp.ClientRequest):
    """A request with the headers that httpx gave it."""

    def update_auto_headers(self, skip_auto_headers: object) -> None:
        """Add nothing; aiohttp would look, for every request, for what it is told to leave out."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Carries `httpx.Request`s over one `aiohttp.ClientSession`.

    Of the `timeout` extension `connect` and `read` mean what they mean in httpx; `total` bounds the whole exchange,
    which a provider that sends blank lines while it queues cannot stretch.
    """

    def __init__(self, *, connections: int, ssl_context: object = True) -> None:
        self._connections = connections
        self._ssl = ssl_context
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def __aenter__(self) -> Self:
        self._open()
        return self

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections,
                ttl_dns_cache=60,
                keepalive_timeout=60,
                ssl=cast("bool", self._ssl),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # what comes of it has to be bounded: see unpacking.py
                request_class=_AsGiven,
            )
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its whole answer."""
        try:
            async with self._open().request(
                request.method,
                self._url(str(request.url)),
                data=await _content(request),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                timeout=_timeout(request),
                allow_redirects=False,
            ) as answer:
                body = await _read(answer)
                return httpx.Response(answer.status, headers=answer.raw_headers, stream=httpx.ByteStream(body))
        except (aiohttp.ClientError, OSError) as error:  # a `TimeoutError` is an `OSError`
            raise _as_httpx(error, request) from error

    def _url(self, text: str) -> URL:
        url = self._urls.get(text)
        if url is None:
            if len(self._urls) > 10_000:
                self._urls.clear()
            url = self._urls[text] = URL(text, encoded=True)
        return url

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _content(request: httpx.Request) -> bytes:
    """Return the body of a request that may have been made with a stream."""
    if isinstance(request.stream, httpx.ByteStream):
        return b"".join(request.stream)
    return await request.aread()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    announced = answer.content_length
    if announced is not None and announced > MAX_ANSWER_BYTES:
        raise httpx.RemoteProtocolError(f"expected an answer of at most {MAX_ANSWER_BYTES} bytes, got {announced}")
    if announced is not None:
        return await answer.read()
    parts = bytearray()
    async for part in answer.content.iter_any():
        parts += part
        if len(parts) > MAX_ANSWER_BYTES:
            raise httpx.RemoteProtocolError(f"expected an answer of at most {MAX_ANSWER_BYTES} bytes, got more")
    return bytes(parts)


def _timeout(request: httpx.Request) -> aiohttp.ClientTimeout:
    given: dict[str, float | None] = request.extensions.get("timeout", {})
    return aiohttp.ClientTimeout(
        total=given.get("total"), sock_connect=given.get("connect"), sock_read=given.get("read"), ceil_threshold=1e9
    )


def _as_httpx(error: aiohttp.ClientError | OSError, request: httpx.Request) -> httpx.TransportError:
    """Translate aiohttp's errors at this one door."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(str(error), request=request)
        case TimeoutError():
            return httpx.ReadTimeout(str(error) or "timed out", request=request)
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(str(error), request=request)
        case aiohttp.InvalidURL():
            return httpx.UnsupportedProtocol(str(error), request=request)
        case aiohttp.ClientError():
            return httpx.RemoteProtocolError(str(error) or type(error).__name__, request=request)
        case _:
            return httpx.ReadError(str(error), request=request)
