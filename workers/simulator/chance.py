"""Chance without randomness: every number behind an answer is cut from one hash of the seed and the request's body."""

import hashlib
import struct
from typing import Final, Self

import msgspec

_EIGHT: Final = struct.Struct("<8Q")
_MASK: Final = 2**64 - 1
_KEY_BYTES: Final = 64


class Draw(msgspec.Struct, frozen=True, gc=False):
    """The numbers of one answer: unsigned, 64 bits, independent of one another."""

    digest: bytes
    name: int
    opening: int
    start: int
    length: int
    latency: int
    cached: int
    reasoning: int
    spare: int

    @property
    def code(self) -> str:
        """The 24 hexadecimal digits that the ids of this answer end in."""
        return self.digest[:12].hex()

    def branch(self, label: str) -> "Draw":
        """Return another draw, as independent of this one as if it came from another body."""
        return _spread(hashlib.blake2b(self.digest, key=label.encode()).digest())


def seed_key(seed: int) -> bytes:
    """Return the hash key that stands for `seed`."""
    return hashlib.blake2b(str(seed).encode(), digest_size=_KEY_BYTES).digest()


def body_hash(body: bytes) -> bytes:
    """Return the SHA-256 of a request's body: what processors do fastest, and what anybody can check."""
    return hashlib.sha256(body).digest()


def draw(key: bytes, name: bytes) -> Draw:
    """Return the numbers for what is called `name`, at best a hash, under the seed whose `key` this is."""
    return _spread(hashlib.blake2b(name, key=key).digest())


def _spread(digest: bytes) -> Draw:
    return Draw(digest, *_EIGHT.unpack(digest))


def unit(number: int) -> float:
    """Map 64 bits evenly onto [0, 1)."""
    return (number >> 11) * 2.0**-53


def between(number: int, low: int, high: int) -> int:
    """Map 64 bits evenly onto the integers from `low` to `high`, both included."""
    return low + number % (high - low + 1)


class Dice:
    """As many numbers as a JSON value needs, the same ones for the same start (the splitmix64 generator)."""

    def __init__(self, start: int) -> None:
        self._state = start

    @classmethod
    def of(cls, numbers: Draw) -> Self:
        """Return the dice of one answer."""
        return cls(numbers.spare)

    def roll(self) -> int:
        """Return the next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        bits = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
        return bits ^ (bits >> 31)

    def between(self, low: int, high: int) -> int:
        """Return the next integer from `low` to `high`, both included."""
        return between(self.roll(), low, high)
