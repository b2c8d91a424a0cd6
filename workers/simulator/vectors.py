"""Embeddings: vectors of length one, joined from blocks made beforehand, so that they cost little however long."""

import base64
import hashlib
import math
import random
import struct
from collections import OrderedDict
from typing import Final

import msgspec

_BLOCK: Final = 4
_BLOCKS: Final = 256
#: Dimensions whose blocks are kept.
_KEPT: Final = 8


class _Blocks(msgspec.Struct, frozen=True):
    """256 blocks of four numbers, then both ends of the scale for what four does not divide; as floats and as JSON."""

    binary: tuple[bytes, ...]
    text: tuple[str, ...]
    odd_binary: tuple[bytes, bytes]
    odd_text: tuple[str, str]


class Vectors:
    """Makes vectors; remembers the blocks of the last few dimensions."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Blocks] = OrderedDict()

    def as_json(self, digest: bytes, dimensions: int) -> msgspec.Raw:
        """Return the vector for `digest` as a JSON array."""
        blocks = self._blocks(dimensions)
        body, rest = _choice(digest, dimensions)
        texts = [blocks.text[byte] for byte in body] + [blocks.odd_text[byte & 1] for byte in rest]
        return msgspec.Raw(f"[{','.join(texts)}]".encode())

    def as_base64(self, digest: bytes, dimensions: int) -> msgspec.Raw:
        """Return the same vector as a JSON string: little-endian 32-bit floats in base64."""
        blocks = self._blocks(dimensions)
        body, rest = _choice(digest, dimensions)
        parts = [blocks.binary[byte] for byte in body] + [blocks.odd_binary[byte & 1] for byte in rest]
        return msgspec.Raw(b'"' + base64.b64encode(b"".join(parts)) + b'"')

    def _blocks(self, dimensions: int) -> _Blocks:
        blocks = self._known.get(dimensions)
        if blocks is None:
            blocks = self._known[dimensions] = _make(dimensions)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return blocks


def _choice(digest: bytes, dimensions: int) -> tuple[bytes, bytes]:
    """Return a byte for every block and one for every number that is left over."""
    whole, odd = divmod(dimensions, _BLOCK)
    stream = hashlib.shake_128(digest).digest(whole + odd)
    return stream[:whole], stream[whole:]


def _make(dimensions: int) -> _Blocks:
    """Write blocks such that any of them, joined to `dimensions` numbers, have length one."""
    choose = random.Random(dimensions)  # noqa: S311 - numbers that look like an embedding, not secrets
    blocks = [_scaled([choose.gauss() for _ in range(_BLOCK)], math.sqrt(_BLOCK / dimensions)) for _ in range(_BLOCKS)]
    [odd] = _scaled([1.0], 1 / math.sqrt(dimensions))
    return _Blocks(
        tuple(map(_binary, blocks)),
        tuple(map(_text, blocks)),
        (_binary([odd]), _binary([-odd])),
        (_text([odd]), _text([-odd])),
    )


def _scaled(numbers: list[float], length: float) -> list[float]:
    """Return the direction of `numbers` at `length`, rounded to what 32 bits can hold."""
    norm = math.hypot(*numbers)
    return list(struct.unpack(f"<{len(numbers)}f", _binary([number / norm * length for number in numbers])))


def _binary(numbers: list[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def _text(numbers: list[float]) -> str:
    """Nine digits say a 32-bit float exactly, so that both encodings are the same vector."""
    return ",".join(f"{number:.9g}" for number in numbers)
