"""One attempt: carry out an `HttpCall` and say what came, errors as values."""

import httpx

from ...routing.http import HttpCall, HttpReply
from ...routing.outcome import Setback
from ...schemas.failures import Code, Failure, failure
from ...schemas.nesting import MOST_LEVELS, is_deep
from .unpacking import unpacked

#: Seconds to establish a connection.
_CONNECT = 10.0
#: Addresses that are kept as they were read.
_REMEMBERED = 10_000


class Caller:
    """Sends calls through a transport.

    The transport is called without `httpx.AsyncClient` around it: its cookies, redirects and event hooks have no use
    here and cost as much CPU as the call (docs/benchmarks.md).
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        #: By its text, an address and what the `Host` header says of it.
        self._urls: dict[str, tuple[httpx.URL, str]] = {}

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one. `seconds` bound the whole exchange."""
        request = self._request(call, seconds)
        try:
            response = await self._transport.handle_async_request(request)
            headers = _headers(response)
            body = unpacked(await _read(response), headers.get("content-encoding", ""))
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Setback(_translate(error, seconds))
        if is_deep(body):
            return Setback(
                failure(Code.MALFORMED_RESPONSE, expected=f"JSON of at most {MOST_LEVELS} levels", given="more")
            )
        return HttpReply(response.status_code, headers, body)

    def _request(self, call: HttpCall, seconds: float) -> httpx.Request:
        """Make the request with its stream given, which spares httpx preparing what is known here."""
        known = self._urls.get(call.url)
        if known is None:
            if len(self._urls) >= _REMEMBERED:  # a model that a request names may be part of it
                self._urls.clear()
            url = httpx.URL(call.url)
            known = self._urls[call.url] = url, url.netloc.decode()
        url, host = known
        return httpx.Request(
            "POST",
            url,
            headers=(("Host", host), ("Content-Length", str(len(call.body))), *call.headers),
            stream=httpx.ByteStream(call.body),
            extensions={"timeout": {"connect": min(_CONNECT, seconds), "total": seconds}},
        )

    async def close(self) -> None:
        """Close the transport's connections."""
        await self._transport.aclose()


async def _read(response: httpx.Response) -> bytes:
    """Read the body as it was sent: httpx would unpack it, however much came of that."""
    if isinstance(response.stream, httpx.ByteStream):
        return b"".join(response.stream)
    return b"".join([part async for part in response.aiter_raw()])


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


def _translate(error: httpx.TransportError | httpx.DecodingError, seconds: float) -> Failure:
    given = str(error) or type(error).__name__
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.UnsupportedProtocol():
            return failure(Code.CONNECTION_FAILED, given=given)
        case httpx.TimeoutException():
            return failure(Code.TIMEOUT, expected=f"an answer within {seconds:g} s", given="none")
        case httpx.DecodingError():
            return failure(Code.MALFORMED_RESPONSE, expected="the encoding that was announced", given=given)
        case _:
            return failure(Code.CONNECTION_CUT, expected="a whole answer", given=given)
