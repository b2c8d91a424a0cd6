"""The lines of a file as bytes, one at a time, none of them longer in memory than a cap."""

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

_BOM: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"
_CHUNK: Final = 1024 * 1024


class RawLine(msgspec.Struct, frozen=True):
    """One line that is not blank."""

    #: From 1, blank lines counted, as editors do.
    number: int
    #: Where it starts in the file.
    offset: int
    #: Its bytes in the file, its end included.
    size: int
    #: Without byte order mark, surrounding blanks and line end; None if it is longer than the cap.
    data: bytes | None


def raw_lines(file: BinaryIO, cap: int) -> Iterator[RawLine]:
    """Yield the lines of `file` from where it stands, which is taken for its start. Blank ones are only counted."""
    offset, number = 0, 0
    while data := file.readline(cap):
        number += 1
        size = len(data) + _rest(file, data, cap)
        text = _trimmed(data, number)
        if text or size > len(data):
            yield RawLine(number, offset, size, text if size == len(data) else None)
        offset += size


def line_at(descriptor: int, offset: int, cap: int) -> bytes:
    """Return the line that starts at `offset`, at most `cap` bytes of it, without moving the file's position."""
    data = b""
    while len(data) < cap:
        chunk = os.pread(descriptor, min(_CHUNK, cap - len(data)), offset + len(data))
        head, found, _ = chunk.partition(b"\n")
        data += head
        if found or not chunk:
            break
    return _trimmed(data, 1 if offset == 0 else 2)


def _rest(file: BinaryIO, data: bytes, cap: int) -> int:
    """Skip what is left of a line that was cut at the cap; return its length."""
    skipped = 0
    while not data.endswith(b"\n") and len(data) == cap:
        data = file.readline(cap)
        skipped += len(data)
    return skipped


def _trimmed(data: bytes, number: int) -> bytes:
    return (data.removeprefix(_BOM) if number == 1 else data).strip(_BLANKS)
