"""Answers to `POST /v1/embeddings`."""

from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, invalid
from ..answer import Answer
from ..embedding import Embeddable, Embedded, Input, embed
from ..head import read_head
from ..wire import Sent
from .bodies import EmbeddingsBody

_MOST_INPUTS: Final = 2048
_FORMATS: Final = frozenset({None, "float", "base64"})


class Embedding(msgspec.Struct, frozen=True, gc=False):
    """One vector, its numbers encoded already."""

    index: int
    embedding: msgspec.Raw
    object: str = "embedding"


class EmbeddingUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens, as the embeddings wire names them."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True, gc=False):
    """The answer."""

    model: str
    data: tuple[Embedding, ...]
    usage: EmbeddingUsage
    object: str = "list"


_embeddings: Final = msgspec.json.Decoder(EmbeddingsBody)


def answer_embeddings(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return the vectors of the inputs; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _embeddings.decode(sent.body)
    model = given.model or sent.model
    return embed(model, _asked(given, model, pen), pen, partial(_written, given, pen))


def _asked(given: EmbeddingsBody, model: str, pen: Pen) -> Embeddable | Refusal:
    head = read_head(model, given.spoken, pen.shelf, stream=given.stream)
    if isinstance(head, Refusal):
        return head
    if given.encoding_format not in _FORMATS:
        return invalid("encoding_format", f"Invalid value: '{given.encoding_format}'. Use 'float' or 'base64'.")
    return Embeddable(head, inputs_of(given.input), "input", _MOST_INPUTS, given.dimensions)


def inputs_of(given: str | tuple[str | int | tuple[int, ...], ...] | None) -> tuple[Input, ...] | None:
    """Return the inputs one by one: a bare text and a bare list of token ids are one each."""
    if given is None or isinstance(given, str):
        return None if given is None else (given,)
    ids = tuple(each for each in given if isinstance(each, int))
    return (ids,) if ids else tuple(each for each in given if not isinstance(each, int))


def _written(given: EmbeddingsBody, pen: Pen, embedded: Embedded) -> EmbeddingList:
    encode = pen.vectors.as_base64 if given.encoding_format == "base64" else pen.vectors.as_json
    data = tuple(Embedding(index, encode(digest, embedded.dimensions)) for index, digest in enumerate(embedded.digests))
    return EmbeddingList(embedded.model, data, EmbeddingUsage(embedded.tokens, embedded.tokens))
