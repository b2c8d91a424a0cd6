"""What is finished above the committed offset, as the text that Kafka keeps beside it.

A commit says "everything below this offset is finished". Calls end out of order, so much above it is finished too, and
must not run again after a crash. The map says so: it lists the offsets that are still *open*, as distances. Its length
depends on how many calls are open, not on how long the oldest one takes.

Format: `1:` + base85(zlib(varints)). The committed offset itself is open. Each varint (LEB128) is the distance to the
next open offset; the last one is the distance to the end, from which on nothing is known.
"""

import base64
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: The broker's limit is 4,096 bytes (`offset.metadata.max.bytes`).
MAX_CHARS: Final = 4000

_PREFIX: Final = "1:"
#: Base85 makes five characters of four bytes; zlib adds at most 27 bytes to what it cannot compress at this length.
_RAW_LIMIT: Final = (MAX_CHARS - len(_PREFIX)) // 5 * 4 - 27
#: A map of ours inflates to a few thousand bytes; a text that inflates to more is not ours.
_INFLATED_LIMIT: Final = 65_536
_SEVEN_BITS: Final = 0x7F
_MORE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Known:
    """What a map says: of the offsets below `end`, these are open, ascending, and all others are finished."""

    open: tuple[int, ...]
    end: int


def always_fits(count: int, span: int) -> bool:
    """Say whether the map of any `count` open offsets within `span` fits, whatever else is finished meanwhile.

    Of `count` distances that sum up to `span`, at most `span / 128` need a second byte, and so on. Finishing merges two
    distances into one that takes no more bytes than both: so a map that fits keeps fitting until more is admitted.
    """
    bound = count
    while span := span >> 7:
        bound += min(count, span)
    return bound <= _RAW_LIMIT


def encode(still_open: Sequence[int], end: int) -> str | None:
    """Return the map for a commit at `still_open[0]`, or None if it does not fit.

    `still_open` ascends. Offsets at the end that are all open need no saying; if none is left, the map is empty.
    """
    count = len(still_open)
    while count and still_open[count - 1] == end - 1:
        count -= 1
        end -= 1
    if not count:
        return ""
    distances = [after - before for before, after in pairwise((*still_open[:count], end))]
    text = _PREFIX + base64.b85encode(zlib.compress(_varints(distances), 1)).decode("ascii")
    return text if len(text) <= MAX_CHARS else None


def decode(committed: int, text: str) -> Known | None:
    """Return what the map beside the offset `committed` says. None if it says nothing, or is not ours."""
    if not text.startswith(_PREFIX):
        return None
    try:
        distances = tuple(_distances(_inflate(base64.b85decode(text[len(_PREFIX) :]))))
    except (ValueError, zlib.error):
        return None  # somebody else's note, or a cut one: then nothing is known
    if not distances or 0 in distances:
        return None
    offsets = [committed]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    return Known(tuple(offsets[:-1]), offsets[-1])


def _varints(numbers: Sequence[int]) -> bytes:
    if max(numbers) <= _SEVEN_BITS:
        return bytes(numbers)
    raw = bytearray()
    for number in numbers:
        rest = number
        while rest > _SEVEN_BITS:
            raw.append(rest & _SEVEN_BITS | _MORE)
            rest >>= 7
        raw.append(rest)
    return bytes(raw)


def _inflate(raw: bytes) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(raw, _INFLATED_LIMIT)
    if not inflater.eof:
        raise ValueError("expected a whole map of moderate length")
    return inflated


def _distances(raw: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in raw:
        number |= (byte & _SEVEN_BITS) << shift
        shift += 7
        if not byte & _MORE:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("expected the last number to end")
