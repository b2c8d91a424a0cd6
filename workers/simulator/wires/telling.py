"""From what a request asks for to its answer, on any wire that answers in words.

The wire reads the body, which makes an `Asked`; that becomes a `Told`, and the wire writes it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from ..chance import Draw
from ..pen import Pen
from ..refusal import Refusal
from ..speech import Speaker, Speech, Wish
from ..tokens import Usage
from .answer import Answer, refused
from .head import Head

_encoder: Final = msgspec.json.Encoder()


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a request asks for, whatever its wire."""

    head: Head
    #: Tokens, and the parameter that holds most of them.
    prompt: int
    param: str
    wish: Wish
    #: How many answers.
    count: int = 1
    #: Whether a beginning of the prompt is marked to be written to a cache.
    marked: bool = False


class Told(msgspec.Struct, frozen=True, gc=False):
    """What it is answered."""

    model: str
    speeches: tuple[Speech, ...]
    usage: Usage
    numbers: Draw

    @property
    def speech(self) -> Speech:
        """The answer, where a wire knows only one."""
        return self.speeches[0]


def tell(
    model: str | None, asked: Asked | Refusal, numbers: Draw, pen: Pen, write: Callable[[Told], msgspec.Struct]
) -> Answer:
    """Return the answer that `write` makes; raises `msgspec.ValidationError` for a schema that cannot be read."""
    if isinstance(asked, Refusal):
        return refused(asked, model)
    head = asked.head
    too_long = pen.too_long(asked.prompt, asked.param)
    if too_long is not None:
        return refused(too_long, head.model)
    speeches = _speeches(asked, numbers, pen.speaker)
    usage = pen.usage(asked.prompt, speeches, numbers, marked=asked.marked)
    body = _encoder.encode(write(Told(head.model, speeches, usage, numbers)))
    return Answer(body, usage, head.model, head.script)


def _speeches(asked: Asked, numbers: Draw, speaker: Speaker) -> tuple[Speech, ...]:
    first = speaker.say(asked.wish, numbers)
    if asked.count == 1:
        return (first,)
    others = (speaker.say(asked.wish, numbers.branch(f"choice {index}")) for index in range(1, asked.count))
    return (first, *others)


def as_object(text: str) -> msgspec.Raw:
    """Return the arguments of a call for wires on which they are JSON, and an object; a schema may say otherwise."""
    return msgspec.Raw(text.encode() if text.startswith("{") else b"{}")
