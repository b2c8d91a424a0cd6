"""How records lie in Valkey or Redis Streams: key names and entry fields, shared by producers and workers."""

from collections.abc import Mapping
from typing import Final

import msgspec

from .record import Headers, Record

_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes | None], ...])

_VALUE: Final = b"v"
_KEY: Final = b"k"
_HEADERS: Final = b"h"


def tag(prefix: str) -> str:
    """Return the hash tag that keeps all keys of one bus in one slot, as its scripts need on Redis Cluster."""
    return f"{{{prefix.rstrip('.')}}}"


def stream_key(prefix: str, topic: str) -> str:
    """Return the key of the stream that is `topic`."""
    return f"{tag(prefix)}:topic:{topic}"


def mark_key(prefix: str, batch: str) -> str:
    """Return the key of a batch's mark: how many of its lines have been submitted."""
    return f"{tag(prefix)}:mark:{batch}"


def fields_of(record: Record) -> list[bytes]:
    """Return the flat list of an entry's fields and values; what is absent takes no space."""
    flat: list[bytes] = [] if record.value is None else [_VALUE, record.value]
    if record.key is not None:
        flat += (_KEY, record.key)
    if record.headers or not flat:
        flat += (_HEADERS, msgspec.msgpack.encode(record.headers))
    return flat


def record_of(topic: str, fields: Mapping[bytes, bytes]) -> Record:
    """Return the record in an entry. A foreign entry without our fields is a record without a value."""
    return Record(topic, fields.get(_VALUE), fields.get(_KEY), _decode_headers(fields.get(_HEADERS)))


def _decode_headers(raw: bytes | None) -> Headers:
    if raw is None:
        return ()
    try:
        return _headers.decode(raw)
    except msgspec.DecodeError:
        return ()  # somebody else's entry: its headers say nothing to us
