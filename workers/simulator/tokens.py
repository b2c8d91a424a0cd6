"""How many tokens a text is, by a rule that anybody can check: a token is four UTF-8 bytes, rounded up per text.

A prompt is 3 tokens, and 4 for each message beside those of its text; tools count as their JSON as it was sent. An
image is 85 tokens, whatever it shows. The sum of an embedding's inputs has no overhead; a token id is one token.
"""

from typing import Final

import msgspec

BYTES_PER_TOKEN: Final = 4
PER_PROMPT: Final = 3
PER_MESSAGE: Final = 4
PER_IMAGE: Final = 85


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer. `input` includes what was read from a cache and written to it, `output` reasoning.

    `units` are what is billed beside them, or instead: images, search units, moderations, seconds of sound.
    """

    input: int
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    written: int = 0
    units: int = 0


def size(text: str) -> int:
    """Return the UTF-8 bytes of `text`."""
    return len(text) if text.isascii() else len(text.encode())


def tokens(size_in_bytes: int) -> int:
    """Return the tokens of a text of so many bytes.

    >>> tokens(0), tokens(1), tokens(4), tokens(5)
    (0, 1, 1, 2)
    """
    return -(-size_in_bytes // BYTES_PER_TOKEN)
