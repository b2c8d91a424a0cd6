"""Gemini's embedContent and batchEmbedContents.

Sources: Google's reference, "Embeddings", and its SDK google-genai 3.6.
"""

from typing import Annotated, Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, missing
from ..answer import Answer, refused
from ..embedding import Embeddable, Embedded, embed
from ..head import NO_SCRIPT, read_head
from ..wire import Sent
from .bodies import Content
from .names import in_camel_case

_MOST: Final = 100

Dimensions = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class Config(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How a text is embedded."""

    output_dimensionality: Dimensions | None = None


class EmbedBody(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One text; newer clients put what belongs to it into an object."""

    content: Content | None = None
    output_dimensionality: Dimensions | None = None
    embed_content_config: Config = Config()

    @property
    def text(self) -> str:
        """All of its parts."""
        return "".join(part.text for part in self.content.parts) if self.content else ""

    @property
    def dimensions(self) -> int | None:
        """How long the vector is to be."""
        return self.output_dimensionality or self.embed_content_config.output_dimensionality


class BatchBody(msgspec.Struct, frozen=True, gc=False):
    """Texts."""

    requests: tuple[EmbedBody, ...] = ()


class Vector(msgspec.Struct, frozen=True, gc=False):
    """A vector, its numbers encoded already."""

    values: msgspec.Raw


class EmbedUsage(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Tokens."""

    prompt_token_count: int
    total_token_count: int


class One(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The answer to one text."""

    embedding: Vector
    usage_metadata: EmbedUsage


class Many(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The answer to texts."""

    embeddings: tuple[Vector, ...]
    usage_metadata: EmbedUsage


_one: Final = msgspec.json.Decoder(EmbedBody)
_many: Final = msgspec.json.Decoder(BatchBody)


def answer_embed(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return the vector of a text."""
    given = _one.decode(in_camel_case(sent.body))
    if given.content is None:
        return refused(missing("content"), sent.model)

    def write(embedded: Embedded) -> One:
        [vector] = _vectors(embedded, pen)
        return One(vector, _usage(embedded))

    return embed(sent.model, _asked((given,), "content", sent, pen), pen, write)


def answer_batch(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return the vectors of texts."""
    given = _many.decode(in_camel_case(sent.body)).requests

    def write(embedded: Embedded) -> Many:
        return Many(_vectors(embedded, pen), _usage(embedded))

    return embed(sent.model, _asked(given, "requests", sent, pen), pen, write)


def _asked(given: tuple[EmbedBody, ...], param: str, sent: Sent, pen: Pen) -> Embeddable | Refusal:
    head = read_head(sent.model, NO_SCRIPT, pen.shelf)
    if isinstance(head, Refusal):
        return head
    dimensions = next((each.dimensions for each in given), None)
    return Embeddable(head, tuple(each.text for each in given), param, _MOST, dimensions)


def _vectors(embedded: Embedded, pen: Pen) -> tuple[Vector, ...]:
    return tuple(Vector(pen.vectors.as_json(digest, embedded.dimensions)) for digest in embedded.digests)


def _usage(embedded: Embedded) -> EmbedUsage:
    return EmbedUsage(embedded.tokens, embedded.tokens)
