"""Undoing what an answer's `Content-Encoding` says, within bounds: a kilobyte can be made of a megabyte of zeros."""

import zlib
from typing import Final

import httpx

from .transport import MAX_ANSWER_BYTES

#: By encoding, what zlib calls its format (RFC 9110 §8.4.1). Some servers say deflate and send it without its frame.
_FORMATS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_BARE: Final = -15


def unpacked(body: bytes, encodings: str) -> bytes:
    """Return the body as it was before it was encoded, of at most `MAX_ANSWER_BYTES`.

    An encoding that nobody asked for and nobody here knows is left as it is. Raises `httpx.DecodingError`.
    """
    for encoding in reversed(encodings.lower().split(",")):
        form = _FORMATS.get(encoding.strip())
        if form is not None and body:
            body = _inflated(body, form)
    return body


def _inflated(body: bytes, form: int) -> bytes:
    try:
        return _inflate(body, form)
    except zlib.error as error:
        if form != _FORMATS["deflate"]:
            raise httpx.DecodingError(str(error)) from error
    try:
        return _inflate(body, _BARE)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error


def _inflate(body: bytes, form: int) -> bytes:
    packed = zlib.decompressobj(form)
    plain = packed.decompress(body, MAX_ANSWER_BYTES + 1)
    if len(plain) > MAX_ANSWER_BYTES:
        raise httpx.DecodingError(f"more than {MAX_ANSWER_BYTES} bytes")
    if not packed.eof:
        raise httpx.DecodingError("an end before its time")
    return plain
