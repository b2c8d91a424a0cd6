"""From texts to vectors, on any wire that embeds."""

from collections.abc import Callable
from typing import Final

import msgspec

from ..chance import draw
from ..pen import Pen
from ..refusal import Refusal, invalid, missing
from ..tokens import Usage
from .answer import Answer, refused
from .head import Head
from .prompt import input_tokens

_encoder: Final = msgspec.json.Encoder()

#: A text, or the token ids of one.
Input = str | tuple[int, ...]


class Embeddable(msgspec.Struct, frozen=True, gc=False):
    """What is to be embedded, whatever the wire."""

    head: Head
    inputs: tuple[Input, ...] | None
    #: The parameter that holds them.
    param: str
    #: The most inputs that the wire takes at once.
    most: int
    dimensions: int | None = None


class Embedded(msgspec.Struct, frozen=True, gc=False):
    """The vectors, as what makes them: a digest each."""

    model: str
    digests: tuple[bytes, ...]
    dimensions: int
    #: Tokens of each input.
    counts: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """The tokens of all inputs."""
        return sum(self.counts)


def embed(
    model: str | None, asked: Embeddable | Refusal, pen: Pen, write: Callable[[Embedded], msgspec.Struct]
) -> Answer:
    """Return the answer that `write` makes of the vectors of the inputs."""
    if isinstance(asked, Refusal):
        return refused(asked, model)
    head, inputs = asked.head, asked.inputs or ()
    counts = tuple(map(input_tokens, inputs))
    refusal = _refusal(asked, counts) or pen.too_long(max(counts, default=0), asked.param)
    if refusal is not None:
        return refused(refusal, head.model)
    digests = tuple(_digest(head.model, each, pen.key) for each in inputs)
    embedded = Embedded(head.model, digests, asked.dimensions or pen.dimensions, counts)
    return Answer(_encoder.encode(write(embedded)), Usage(embedded.tokens), head.model, head.script)


def _refusal(asked: Embeddable, counts: tuple[int, ...]) -> Refusal | None:
    param = asked.param
    if asked.inputs is None:
        return missing(param)
    if not counts or 0 in counts:
        return invalid(param, f"Invalid '{param}': expected texts that are not empty, or token ids.")
    if len(counts) > asked.most:
        return invalid(param, f"Invalid '{param}': expected at most {asked.most} inputs, got {len(counts)}.")
    return None


def _digest(model: str, text: Input, key: bytes) -> bytes:
    """Return what a vector is made of: the model and the text only, as with a real model, not its company."""
    return draw(key, f"{model}\0{text}".encode()).digest
