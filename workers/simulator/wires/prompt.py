"""How many tokens the pieces of a prompt are, on any wire."""

from typing import Final

import msgspec

from ..tokens import PER_IMAGE, size, tokens

_NULL: Final = b"null"


def text_tokens(text: str | None) -> int:
    """Return the tokens of a text, 0 for none."""
    return tokens(size(text)) if text else 0


def raw_tokens(sent: msgspec.Raw | msgspec.UnsetType) -> int:
    """Return the tokens of a JSON value as it was sent, 0 for none."""
    if sent is msgspec.UNSET:
        return 0
    value = bytes(sent)
    return 0 if value == _NULL else tokens(len(value))


def image_tokens(*, there: bool) -> int:
    """Return the tokens of an image, if it is there."""
    return PER_IMAGE if there else 0


def input_tokens(given: str | tuple[int, ...]) -> int:
    """Return the tokens of one input of an embedding; token ids are one each."""
    return tokens(size(given)) if isinstance(given, str) else len(given)
