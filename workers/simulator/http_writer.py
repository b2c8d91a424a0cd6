"""From plans to the bytes of HTTP/1.1 answers."""

from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from .plan import Plan

_REASONS: Final = MappingProxyType(
    {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
    | {529: b"HTTP/1.1 529 Site is overloaded"}
)
CHUNKS_END: Final = b"0\r\n\r\n"


def head(plan: Plan, identity: bytes, length: int | None, *, keep_alive: bool, old: bool) -> bytes:
    """Return the head of an answer, its empty line included; a body without a length goes in chunks.

    To HTTP/1.0 it goes until the connection closes, which the caller sees to.
    """
    if length is not None:
        framing = b"content-length: %d\r\n" % length
    else:
        framing = b"" if old else b"transfer-encoding: chunked\r\n"
    return b"%b\r\ncontent-type: %b\r\n%b%b%b%b\r\n" % (
        _REASONS[plan.status],
        plan.content_type,
        framing,
        identity,
        plan.headers,
        _connection(keep_alive=keep_alive, old=old),
    )


def _connection(*, keep_alive: bool, old: bool) -> bytes:
    if keep_alive:
        return b"connection: keep-alive\r\n" if old else b""
    return b"connection: close\r\n"


def chunk(data: bytes, *, old: bool) -> bytes:
    """Return `data` framed as one chunk; HTTP/1.0 gets it bare."""
    return data if old else b"%x\r\n%b\r\n" % (len(data), data)
