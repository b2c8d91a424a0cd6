"""One attempt: carry out an `HttpCall` and say what came, errors as values."""

import httpx

from ...routing.http import HttpCall, HttpReply
from ...routing.retry import Setback
from ...schemas.failures import Code, Failure, failure

#: Seconds to establish a connection.
_CONNECT = 10.0


class Caller:
    """Sends calls through a transport.

    The transport is called without `httpx.AsyncClient` around it: its cookies, redirects and event hooks have no use
    here and cost as much CPU as the call (docs/benchmarks.md).
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._urls: dict[str, httpx.URL] = {}

    async def call(self, call: HttpCall, seconds: float) -> HttpReply | Setback:
        """Return the reply, or what prevented one. `seconds` bound the whole exchange."""
        request = httpx.Request(
            "POST",
            self._url(call.url),
            headers=call.headers,
            content=call.body,
            extensions={"timeout": {"connect": min(_CONNECT, seconds), "total": seconds}},
        )
        try:
            response = await self._transport.handle_async_request(request)
            body = await response.aread()
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Setback(_translate(error, seconds))
        return HttpReply(response.status_code, dict(response.headers), body)

    def _url(self, text: str) -> httpx.URL:
        url = self._urls.get(text)
        if url is None:
            url = self._urls[text] = httpx.URL(text)
        return url

    async def close(self) -> None:
        """Close the transport's connections."""
        await self._transport.aclose()


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
