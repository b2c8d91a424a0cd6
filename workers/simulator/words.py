"""Plausible words. A text costs the same to make whatever its length: it is a slice of a long one made at the start."""

import random
from typing import Final

from .chance import Draw

#: Exactly 256, so that a byte of a hash names one.
VOCABULARY: Final = tuple(
    """
    about above across after again against almost along already also although always among amount another answer
    appear around arrive balance barrel basin beacon because become before begin behind below between beyond boat
    border both bottom bridge bright bring broad build call canal carry cause certain change channel choose clear
    close coast cold collect common compare complete connect consider contain continue copper correct cost count
    course cover cross current daily dam decide deep delta depth describe detail develop different direct distance
    divide dock double down draw drift during each early east edge effect eight either empty engine enough entire
    equal even evening every exact example explain extend fact fall family far farmer ferry few field figure final
    find first five float flood flow follow force forest form forward found four free from full gate gather general
    gentle give glass good grain granite gravel great green ground group grow half happen harbour heavy height here
    high hill hold hour house hundred idea important inch include increase inland inside island join journey just
    keep keeper kind known ladder lake land large last later lead learn least leave length less level light like
    limit line list little local lock long lower main make many map mark market meadow mean measure meet method
    middle might mile mill minute month moon more morning most mountain mouth move much narrow nature near need never
    new night nine north note number ocean often open orchard other outer outside over paddle part pass path pattern
    people pier pilot place plain port quiet rain river water
    """.split()  # noqa: SIM905 - 256 quoted words are no longer read by anybody
)
_RING_WORDS: Final = 4096
_OPENING_WORDS: Final = 8


class Words:
    """Makes texts. All of them are ASCII, so that a character is a byte, and none needs escaping in JSON."""

    def __init__(self) -> None:
        self._starts, self._ring = _ring()

    def text(self, numbers: Draw, size: int) -> str:
        """Return a text of at most `size` bytes, and not many fewer.

        Its first eight words are eight bytes of the hash: two bodies get the same text only by a collision.
        """
        start = self._starts[numbers.start % len(self._starts)]
        stretch = self._ring[start : start + size]
        while len(stretch) < size:
            stretch += self._ring[: size - len(stretch)]
        return _whole_words(_opening(numbers.opening) + stretch, size)

    def phrase(self, number: int, count: int = 3) -> str:
        """Return `count` words, at most eight, without punctuation."""
        return " ".join(VOCABULARY[byte] for byte in number.to_bytes(8, "little")[:count])


def _opening(number: int) -> str:
    words = [VOCABULARY[byte] for byte in number.to_bytes(_OPENING_WORDS, "little")]
    return " ".join(words).capitalize() + ", "


def _whole_words(text: str, size: int) -> str:
    """Cut `text` behind the last word that ends within `size` bytes, full stop included."""
    end = text.rfind(" ", 0, size)
    return text[:size] if end < 0 else text[:end].rstrip(",.") + "."


def _ring() -> tuple[list[int], str]:
    """Write the long text: where its words start (but not its sentences), and itself."""
    choose = random.Random(256)  # noqa: S311 - words, not secrets
    starts: list[int] = []
    pieces: list[str] = []
    position = left = 0
    for _ in range(_RING_WORDS):
        word, left = choose.choice(VOCABULARY), left - 1
        if left < 0:
            word, left = word.capitalize(), choose.randint(5, 14)
        piece = word + (". " if left == 0 else ", " if choose.random() < 0.1 else " ")
        if word.islower():
            starts.append(position)
        pieces.append(piece)
        position += len(piece)
    return starts, "".join(pieces)
