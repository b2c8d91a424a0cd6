"""From the bytes of a connection to requests: llhttp's parser, with limits on what it may be made to hold."""

from collections.abc import Callable
from typing import Final

import httptools
import msgspec

from .refusal import HEAD_TOO_LARGE, NOT_HTTP, TOO_LARGE, Refusal

CLIENT_REQUEST_ID: Final = b"x-client-request-id"
REQUEST: Final = b"x-headgate-request"
SCRIPT: Final = b"x-headgate-simulate"
CONTENT_TYPE: Final = b"content-type"
#: Where wires show a key.
_KEYS: Final = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
_LENGTH: Final = b"content-length"
_EXPECT: Final = b"expect"
#: All others are passed over.
_WANTED: Final = frozenset({CLIENT_REQUEST_ID, REQUEST, SCRIPT, CONTENT_TYPE, *_KEYS, _LENGTH, _EXPECT})
_LENGTHS: Final = frozenset(map(len, _WANTED))
#: The colon, the space and the end of line of a header.
_PER_HEADER: Final = 4
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One request, complete."""

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    #: HTTP/1.0 knows no chunks, and keeps a connection only if told.
    old: bool


class Limits(msgspec.Struct, frozen=True):
    """The most bytes of a request's head and of its body."""

    head: int
    body: int


class Unreadable(Exception):  # noqa: N818 - it is what the connection has become
    """The connection sent what cannot be read; nothing behind it can be either."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class HttpReader:
    """Reads one connection; calls `on_request` for every request, in order, and `send` for what must be said at once.

    The methods named `on_…` are llhttp's callbacks. An exception in one of them stops the parser, which raises its own
    with ours as the context.
    """

    def __init__(
        self, limits: Limits, on_request: Callable[[HttpRequest], None], send: Callable[[bytes], None]
    ) -> None:
        self._most_head = limits.head
        self._most_body = limits.body
        self._on_request = on_request
        self._send = send
        self._parser = httptools.HttpRequestParser(self)
        self._in_head = False
        self._unfinished = 0
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0

    def feed(self, data: bytes) -> None:
        """Read on; raises `Unreadable`."""
        # llhttp holds a header until it is complete: an endless one is told by the bytes of the head that never ends.
        self._unfinished = self._unfinished + len(data) if self._in_head else 0
        if self._unfinished > self._most_head:
            raise Unreadable(HEAD_TOO_LARGE)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise Unreadable(NOT_HTTP) from None
        except httptools.HttpParserCallbackError as error:
            raise (error.__context__ or error) from None
        except httptools.HttpParserError as error:
            raise Unreadable(NOT_HTTP) from error

    def on_message_begin(self) -> None:
        """Start a request."""
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Take the target, or a piece of it."""
        self._url += url
        self._head_size += len(url)
        if self._head_size > self._most_head:
            raise Unreadable(HEAD_TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. The hottest lines of the simulator: most headers are told by their length."""
        self._head_size += len(name) + len(value) + _PER_HEADER
        if self._head_size > self._most_head:
            raise Unreadable(HEAD_TOO_LARGE)
        if len(name) in _LENGTHS and name.lower() in _WANTED:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Refuse a body that is announced too large; ask for one that waits to be asked."""
        self._in_head = False
        length = self._headers.get(_LENGTH)
        if length is not None and len(length) > len(str(self._most_body)):
            raise Unreadable(TOO_LARGE)
        if length is not None and int(length) > self._most_body:
            raise Unreadable(TOO_LARGE)
        if self._headers.get(_EXPECT, b"").lower() == b"100-continue":
            self._send(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_size += len(body)
        if self._body_size > self._most_body:
            raise Unreadable(TOO_LARGE)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        path, _, query = self._url.partition(b"?")
        parser = self._parser
        request = HttpRequest(
            parser.get_method(),
            path,
            query,
            self._headers,
            self._body[0] if len(self._body) == 1 else b"".join(self._body),
            parser.should_keep_alive(),
            parser.get_http_version() == "1.0",
        )
        self._begin()
        self._on_request(request)
