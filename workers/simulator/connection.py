"""One connection: answers go out in the order of the requests, whichever is ready first.

    request ──► waiting ──(its delay)──► ready ──(all before it sent)──► being sent ──► sent

A hanging answer is being sent for ever, and what is behind it waits as long. A cut closes the connection, whatever is
behind it.
"""

import asyncio
from collections import deque
from typing import Final, Protocol, assert_never, cast

from .desk import Desk, unasked
from .http_reader import HttpReader, HttpRequest, Limits, Unreadable
from .http_writer import CHUNKS_END, chunk, head
from .plan import Cut, Hang, Stream, Trickle, Whole
from .provider import Job

_MS: Final = 1000
_BLANK_LINE: Final = b"\n"


class Registry(Protocol):
    """Who wants to know which connections there are."""

    def add(self, connection: "Connection", /) -> None:
        """Hear of a new one."""
        ...

    def discard(self, connection: "Connection", /) -> None:
        """Hear of the end of one."""
        ...


class Exchange:
    """One request and its answer."""

    __slots__ = ("job", "old", "ready", "timer", "until")

    def __init__(self, job: Job, *, old: bool) -> None:
        self.job = job
        self.old = old
        self.ready = False
        self.timer: asyncio.TimerHandle | None = None
        #: The loop's time at which a trickle ends.
        self.until = 0.0


class Connection(asyncio.Protocol):
    """Reads requests, has them decided, and sends what was decided when it is due."""

    def __init__(self, desk: Desk, limits: Limits, most: int, registry: Registry) -> None:
        self._desk = desk
        self._most = most
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._reader: HttpReader | None = HttpReader(limits, self._on_request, self._say_continue)
        self._queue: deque[Exchange] = deque()
        self._transport: asyncio.Transport | None = None
        #: Whether the first of the queue is being sent piece by piece.
        self._busy = False
        self._writable = True
        self._reading = True
        #: Whether nothing more is read, and the connection closes behind the last answer.
        self._closing = False

    def __repr__(self) -> str:
        return f"<Connection {len(self._queue)} under way{', closing' if self._closing else ''}>"

    # ---------------------------------------------------------------- from asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._registry.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on, unless nothing more is wanted of this connection."""
        if self._closing or self._reader is None:
            return
        try:
            self._reader.feed(data)
        except Unreadable as error:
            self._reader = None
            self._accept(Job(unasked(error.refusal)), keep_alive=False, old=False)
        self._regulate()

    def pause_writing(self) -> None:
        """Hold back: the client does not read."""
        self._writable = False
        self._regulate()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        if self._queue and self._busy:
            self._pump(self._queue[0])
        self._regulate()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it with one
        """Write down what will not be sent any more."""
        self._closing = True
        self._reader = self._transport = None
        for exchange in self._queue:
            if exchange.timer is not None:
                exchange.timer.cancel()
            exchange.job.abandoned()
        self._queue.clear()
        self._registry.discard(self)

    # ---------------------------------------------------------------- from the server

    def finish(self) -> None:
        """Answer what is under way and close; what hangs is not waited for."""
        self._closing = True
        if self._queue and self._busy and isinstance(self._queue[0].job.plan.delivery, Hang):
            self.abort()
        else:
            self._advance()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # ---------------------------------------------------------------- requests in

    def _on_request(self, request: HttpRequest) -> None:
        if self._closing:
            return
        # The answer to a HEAD has no body; ours has one, which the end of the connection keeps from being misread.
        keep_alive = request.keep_alive and request.method != b"HEAD"
        self._accept(self._desk.receive(request), keep_alive=keep_alive, old=request.old)

    def _say_continue(self, line: bytes) -> None:
        """Ask for a body, unless an answer is due first: in the middle of that it would be a part of it."""
        if not self._queue:
            self._write(line)

    def _accept(self, job: Job, *, keep_alive: bool, old: bool) -> None:
        exchange = Exchange(job, old=old)
        self._queue.append(exchange)
        self._closing = not keep_alive
        delay = job.plan.delay_ms
        if delay > 0:
            exchange.timer = self._loop.call_later(delay / _MS, self._is_ready, exchange)
        else:
            self._is_ready(exchange)

    def _regulate(self) -> None:
        """Read only while the client reads too, and while not too much is under way."""
        wanted = self._writable and len(self._queue) < self._most
        if wanted is self._reading or self._transport is None or self._transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # ---------------------------------------------------------------- answers out

    def _is_ready(self, exchange: Exchange) -> None:
        exchange.ready = True
        if self._queue[0] is exchange:
            self._advance()

    def _advance(self) -> None:
        """Send all that is ready and has nothing before it; close behind the last answer, if that was it."""
        while self._queue and self._queue[0].ready and not self._busy:
            self._deliver(self._queue[0])
        if self._closing and not self._queue and self._transport is not None:
            self._transport.close()
        self._regulate()

    def _deliver(self, exchange: Exchange) -> None:
        delivery = exchange.job.plan.delivery
        match delivery:
            case Whole(body):
                self._write(self._head(exchange, len(body)) + body)
                self._sent(exchange)
            case Cut(body):
                self._cut(exchange, body)
            case Trickle():
                self._begin_pieces(exchange)
                exchange.until = self._loop.time() + delivery.for_ms / _MS
                self._drip(exchange, delivery)
            case Stream():
                self._begin_pieces(exchange)
                self._pump(exchange)
            case Hang():
                self._busy = True
            case _:
                assert_never(delivery)

    def _head(self, exchange: Exchange, length: int | None) -> bytes:
        last = self._closing and len(self._queue) == 1
        job = exchange.job
        return head(job.plan, job.identity, length, keep_alive=not last, old=exchange.old)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _sent(self, exchange: Exchange) -> None:
        self._queue.popleft()
        exchange.job.done()

    def _cut(self, exchange: Exchange, body: bytes) -> None:
        """Send the first half of `body`, if there is one, and nothing more, ever."""
        self._busy = self._closing = True
        if self._transport is None:
            return
        if body:
            self._write(self._head(exchange, len(body)) + body[: len(body) // 2])
            self._transport.close()
        else:
            self._transport.abort()
        self._sent(exchange)

    # ---------------------------------------------------------------- in pieces

    def _begin_pieces(self, exchange: Exchange) -> None:
        self._busy = True
        self._write(self._head(exchange, None))

    def _drip(self, exchange: Exchange, trickle: Trickle) -> None:
        """Send a blank line, or the body when it is time."""
        left = exchange.until - self._loop.time()
        if left <= 0:
            self._write(chunk(trickle.body, old=exchange.old))
            self._end_pieces(exchange)
            return
        self._write(chunk(_BLANK_LINE, old=exchange.old))
        exchange.timer = self._loop.call_later(min(left, trickle.every_ms / _MS), self._drip, exchange, trickle)

    def _pump(self, exchange: Exchange) -> None:
        """Send the next piece, and let the others have a turn, while the client reads."""
        delivery = exchange.job.plan.delivery
        if not isinstance(delivery, Stream) or not self._writable or not self._is_first(exchange):
            return
        piece = next(delivery.chunks, None)
        if piece is None:
            self._end_pieces(exchange)
            return
        self._write(chunk(piece, old=exchange.old))
        self._loop.call_soon(self._pump, exchange)

    def _is_first(self, exchange: Exchange) -> bool:
        return bool(self._queue) and self._queue[0] is exchange

    def _end_pieces(self, exchange: Exchange) -> None:
        if exchange.old:
            # The end of the connection is the end of the body.
            self._sent(exchange)
            self._closing = True
            if self._transport is not None:
                self._transport.close()
            return
        self._write(CHUNKS_END)
        self._sent(exchange)
        self._busy = False
        self._advance()
