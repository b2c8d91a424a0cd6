"""What an answer says: words, JSON, or a call of a tool, cut where the request's limit falls."""

import msgspec

from .chance import Dice, Draw, between
from .json_schema import parse_schema
from .json_values import json_matching
from .tokens import BYTES_PER_TOKEN, size, tokens
from .words import Words


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A tool that the answer is to call."""

    name: str
    #: The schema of its arguments; a custom tool has none and takes any text.
    schema: bytes | None = None


class Wish(msgspec.Struct, frozen=True, gc=False):
    """What a request wants of its answer, whatever the wire."""

    #: The most output tokens, reasoning included.
    limit: int | None = None
    #: The schema that the text is to match; None: words.
    schema: bytes | None = None
    tool: Tool | None = None
    reasons: bool = False


class Speech(msgspec.Struct, frozen=True, gc=False):
    """What is said: the text of the answer, or of the call's arguments."""

    text: str
    #: Output tokens, reasoning included.
    tokens: int
    reasoning: int
    #: Whether the limit cut it.
    cut: bool
    tool: Tool | None = None


#: What `json_object` without a schema is answered by.
ANY_OBJECT = (
    b'{"type":"object","properties":{"answer":{"type":"string","minLength":24},"confidence":{"type":"number",'
    b'"minimum":0,"maximum":1}},"required":["answer","confidence"]}'
)


class Speaker:
    """Says what is wished, by the numbers drawn for the request."""

    def __init__(self, words: Words, output: tuple[int, int], reasoning: tuple[int, int]) -> None:
        self._words = words
        self._output = output
        self._reasoning = reasoning

    def say(self, wish: Wish, numbers: Draw) -> Speech:
        """Return the answer to `wish`; raises `msgspec.ValidationError` for a schema that cannot be read."""
        thought = between(numbers.reasoning, *self._reasoning) if wish.reasons else 0
        if wish.limit is not None and thought >= wish.limit:
            return Speech("", wish.limit, wish.limit, cut=True)
        room = None if wish.limit is None else wish.limit - thought
        text, cut = _fit(self._text(wish, numbers), room)
        return Speech(text, thought + tokens(size(text)), thought, cut, wish.tool)

    def _text(self, wish: Wish, numbers: Draw) -> str:
        schema = wish.schema if wish.tool is None else wish.tool.schema
        if schema is not None:
            return json_matching(parse_schema(schema), Dice.of(numbers))
        length = between(numbers.length, *self._output)
        return self._words.text(numbers, length * BYTES_PER_TOKEN)


def _fit(text: str, room: int | None) -> tuple[str, bool]:
    """Cut `text` to `room` tokens, at the end of a character."""
    if room is None or tokens(size(text)) <= room:
        return text, False
    return text.encode()[: room * BYTES_PER_TOKEN].decode(errors="ignore"), True
