"""Answers to `POST /v2/embed`."""

from typing import Annotated, Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, invalid, missing
from ..answer import Answer
from ..embedding import Embeddable, Embedded, embed
from ..head import NO_SCRIPT, read_head
from ..wire import Sent
from .billed import Count, Meta
from .chat import Part

_MOST_TEXTS: Final = 96


class EmbedInput(msgspec.Struct, frozen=True, gc=False):
    """Something to be embedded, in parts."""

    content: tuple[Part, ...]


class EmbedBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a request for vectors."""

    model: str | None = None
    texts: tuple[str, ...] | None = None
    inputs: tuple[EmbedInput, ...] | None = None
    input_type: str | None = None
    embedding_types: tuple[str, ...] | None = None
    output_dimension: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None


class Vectors(msgspec.Struct, frozen=True, gc=False):
    """The answer of an embedding: the vectors by the way in which their numbers are written."""

    id: str
    embeddings: dict[str, tuple[msgspec.Raw, ...]]
    texts: tuple[str, ...]
    meta: Meta
    response_type: str = "embeddings_by_type"


_embed: Final = msgspec.json.Decoder(EmbedBody)


def answer_embed(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the vectors of texts; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _embed.decode(sent.body)
    texts = given.texts
    if given.inputs is not None:
        texts = tuple("".join(part.text for part in each.content) for each in given.inputs)

    def write(embedded: Embedded) -> Vectors:
        ways = {"float": pen.vectors.as_json, "base64": pen.vectors.as_base64}
        vectors = {
            way: tuple(ways[way](digest, embedded.dimensions) for digest in embedded.digests)
            for way in given.embedding_types or ("float",)
        }
        return Vectors(numbers.code, vectors, texts or (), Meta(Count(embedded.tokens)))

    return embed(given.model, _embeddable(given, texts, pen), pen, write)


def _embeddable(given: EmbedBody, texts: tuple[str, ...] | None, pen: Pen) -> Embeddable | Refusal:
    head = read_head(given.model, NO_SCRIPT, pen.shelf)
    if isinstance(head, Refusal):
        return head
    if given.input_type is None:
        return missing("input_type")
    odd = set(given.embedding_types or ()) - {"float", "base64"}
    if odd:
        return invalid("embedding_types", f"The simulator has float and base64, got {', '.join(sorted(odd))}.")
    return Embeddable(head, texts, "texts", _MOST_TEXTS, given.output_dimension)
