"""How records lie in Valkey or Redis Streams: key names and entry fields, shared by producers and workers."""

from collections.abc import Sequence
from typing import Final

import msgspec

from .record import Headers, Record

#: An entry as the server sends it: its id, and its fields and values in one flat list.
Entry = tuple[bytes, Sequence[bytes]]

_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes | None], ...])

#: The second half of an id is an unsigned 64-bit number.
_LAST_NUMBER: Final = 2**64 - 1

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


def commit_key(prefix: str, consumer: str) -> str:
    """Return the key of a worker's last commit and its outcome."""
    return f"{tag(prefix)}:commit:{consumer}"


def alive_key(prefix: str) -> str:
    """Return the key of the sorted set that holds when each worker was last heard of."""
    return f"{tag(prefix)}:alive"


def owner_key(prefix: str) -> str:
    """Return the key of the hash that holds which process has each worker's name, and since when it is there."""
    return f"{tag(prefix)}:owner"


def identity_key(prefix: str) -> str:
    """Return the key of the bus's identity: another one means that the entries are not those of last time."""
    return f"{tag(prefix)}:identity"


def at_ms(entry_id: str) -> int:
    """Return when an entry was appended, unix milliseconds by the server's clock: the first half of its id."""
    return int(entry_id.partition("-")[0])


def id_after(entry_id: str) -> str:
    """Return the smallest id above `entry_id`."""
    ms, _, number = entry_id.partition("-")
    return f"{ms}-{int(number or 0) + 1}" if int(number or 0) < _LAST_NUMBER else f"{int(ms) + 1}-0"


def id_before(entry_id: str) -> str:
    """Return the largest id below `entry_id`."""
    ms, _, number = entry_id.partition("-")
    return f"{ms}-{int(number) - 1}" if int(number or 0) > 0 else f"{int(ms) - 1}-{_LAST_NUMBER}"


def order_of(entry_id: str) -> tuple[int, int]:
    """Return what ids are compared by."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)


def fields_of(record: Record) -> list[bytes]:
    """Return the flat list of an entry's fields and values; what is absent takes no space."""
    flat: list[bytes] = [] if record.value is None else [_VALUE, record.value]
    if record.key is not None:
        flat += (_KEY, record.key)
    if record.headers or not flat:
        flat += (_HEADERS, msgspec.msgpack.encode(record.headers))
    return flat


def record_of(topic: str, flat: Sequence[bytes]) -> Record:
    """Return the record in an entry's flat fields. A foreign entry without our fields is a record without a value."""
    pairs = iter(flat)
    fields = dict(zip(pairs, pairs, strict=True))
    return Record(topic, fields.get(_VALUE), fields.get(_KEY), _decode_headers(fields.get(_HEADERS)))


def _decode_headers(raw: bytes | None) -> Headers:
    if raw is None:
        return ()
    try:
        return _headers.decode(raw)
    except msgspec.DecodeError:
        return ()  # somebody else's entry: its headers say nothing to us


class Form:
    """Records as the scripts read them: which stream and which lengths, and all fields in one string beside that.

    One string, because Lua's cmsgpack reads no binary, and thousands of arguments cost more than one.
    """

    def __init__(self, prefix: str, first_key: str) -> None:
        self._prefix = prefix
        self._places: dict[str, int] = {}
        self._fields: list[bytes] = []
        #: The KEYS of the script; the streams follow the first one.
        self.keys = [first_key]

    def place(self, topic: str) -> int:
        """Return the place of a topic's stream among the keys, from 1 as Lua counts."""
        place = self._places.get(topic)
        if place is None:
            self.keys.append(stream_key(self._prefix, topic))
            place = self._places[topic] = len(self.keys)
        return place

    def write(self, records: Sequence[Record]) -> list[list[int]]:
        """Take the records' fields, and return what the script needs to find them, in the same order."""
        return [self._write(record) for record in records]

    def _write(self, record: Record) -> list[int]:
        fields = fields_of(record)
        self._fields += fields
        return [self.place(record.topic), *map(len, fields)]

    @property
    def fields(self) -> bytes:
        """All fields that were written, one after the other."""
        return b"".join(self._fields)
