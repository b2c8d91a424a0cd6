"""How many tokens a prompt is, and how many of them were cached."""

from collections.abc import Iterable
from typing import Final

import msgspec

from .bodies import Item, Message, Part
from .chance import Draw, between, unit
from .tokens import PER_IMAGE, PER_MESSAGE, size, tokens

_CACHED_FROM: Final = 1024
_CACHED_BLOCK: Final = 128


def message_tokens(message: Message) -> int:
    """Return the tokens of one message of a chat."""
    text = PER_MESSAGE + _content(message.content)
    if message.tool_calls is msgspec.UNSET:
        return text
    calls = bytes(message.tool_calls)
    return text if calls == b"null" else text + tokens(len(calls))


def item_tokens(item: Item) -> int:
    """Return the tokens of one item of a response's input."""
    return PER_MESSAGE + _content(item.content) + tokens(size(item.arguments)) + _content(item.output)


def _content(content: str | Iterable[Part] | None) -> int:
    if content is None:
        return 0
    return tokens(size(content)) if isinstance(content, str) else sum(_part(part) for part in content)


def _part(part: Part) -> int:
    return PER_IMAGE if "image" in part.type else tokens(size(part.text)) + tokens(size(part.refusal))


def input_tokens(given: str | tuple[int, ...]) -> int:
    """Return the tokens of one input of an embedding; token ids are one each."""
    return tokens(size(given)) if isinstance(given, str) else len(given)


def cached_tokens(prompt: int, rate: float, numbers: Draw) -> int:
    """Return how much of a prompt was cached: from 1,024 tokens up, in blocks of 128, as OpenAI counts it."""
    if prompt < _CACHED_FROM or unit(numbers.cached) >= rate:
        return 0
    blocks = prompt // _CACHED_BLOCK
    return _CACHED_BLOCK * between(numbers.cached >> 1, 1, blocks) if blocks else 0
