"""Chance that is the same each time: from the hash of a request's id, or of whatever requests are told apart by."""

import hashlib
import math
from collections.abc import Iterable
from typing import Final

_WORD: Final = 2**64 - 1
_STEP: Final = 2.0**-64
#: The multipliers of MurmurHash3's 64-bit finaliser (A. Appleby, public domain): one changed bit changes half of all.
_FIRST, _SECOND = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53


def seed_of(text: str) -> int:
    """Return 64 bits that depend on all of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def uniform(seed: int, salt: int) -> float:
    """Return a number in (0, 1] for a seed; by another salt it is another one, and independent."""
    mixed = (seed ^ salt) * _FIRST & _WORD
    mixed = (mixed ^ mixed >> 33) * _SECOND & _WORD
    return ((mixed ^ mixed >> 33) + 1) * _STEP


def lots(seed: int, salts_and_weights: Iterable[tuple[int, float]]) -> list[float]:
    """Draw a lot for each: it has the lowest with the probability of its weight; weight 0 never has.

    Sorting by lots is drawing without replacement (Efraimidis and Spirakis, 2006). It is rendezvous hashing too: when
    one is taken away, nothing changes between the others.
    """
    drawn: list[float] = []
    for salt, weight in salts_and_weights:
        # `uniform`, written out: it is drawn for every deployment of every plan, and a call takes as long again
        mixed = (seed ^ salt) * _FIRST & _WORD
        mixed = (mixed ^ mixed >> 33) * _SECOND & _WORD
        drawn.append(-math.log(((mixed ^ mixed >> 33) + 1) * _STEP) / weight if weight else math.inf)
    return drawn
