"""Which of the kinds of tokens that cost more a request can make: seen from its bytes, and never too few."""

from typing import Final

import msgspec

#: A backslash may spell any word.
_ESCAPE: Final = b"\\u"
_HOURLY: Final = (b'"1h"', _ESCAPE)
#: Sound may be named by a part, by a file or by an address; nothing else can bring it in.
_AUDIO: Final = (b"audio", b"file", b"image", b"video", b"_id", b"prompt", b"conversation", _ESCAPE)


class Kinds(msgspec.Struct, frozen=True):
    """Kinds that a request's tokens could be of, beside the usual ones."""

    #: Written to a cache for an hour.
    hourly: bool = True
    #: Sound, heard or said.
    audio: bool = True


ALL_KINDS: Final = Kinds()


def kinds_of(*bodies: bytes) -> Kinds:
    """Return the kinds that a request of these bodies can make: the body, and whatever is overridden of it."""
    return Kinds(hourly=_any(_HOURLY, bodies), audio=_any(_AUDIO, bodies))


def _any(words: tuple[bytes, ...], bodies: tuple[bytes, ...]) -> bool:
    return any(word in body for body in bodies for word in words)
