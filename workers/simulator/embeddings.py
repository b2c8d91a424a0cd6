"""Answers to `POST /v1/embeddings`."""

from typing import Final

import msgspec

from .answer import Answer, refused
from .bodies import EmbeddingsBody
from .chance import draw
from .head import Head
from .pen import Pen
from .prompt import input_tokens
from .refusals import Refusal, invalid, missing
from .tokens import Usage

_MOST_INPUTS: Final = 2048


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


_encoder: Final = msgspec.json.Encoder()


def answer_embeddings(given: EmbeddingsBody, head: Head, pen: Pen) -> Answer:
    """Return the vectors of the inputs."""
    inputs = _inputs(given)
    counts = tuple(map(input_tokens, inputs))
    refusal = _refusal(given, counts) or pen.too_long(max(counts, default=0), "input")
    if refusal is not None:
        return refused(refusal, head.model)
    data = tuple(_embedding(index, each, given, pen) for index, each in enumerate(inputs))
    total = sum(counts)
    answer = EmbeddingList(head.model, data, EmbeddingUsage(total, total))
    return Answer(200, _encoder.encode(answer), Usage(total), head.model, head.script)


def _refusal(given: EmbeddingsBody, counts: tuple[int, ...]) -> Refusal | None:
    if given.input is None:
        return missing("input")
    if not counts or 0 in counts:
        return invalid("input", "Invalid 'input': expected texts that are not empty, or token ids.")
    if len(counts) > _MOST_INPUTS:
        return invalid("input", f"Invalid 'input': expected at most {_MOST_INPUTS} inputs, got {len(counts)}.")
    if given.encoding_format not in {None, "float", "base64"}:
        return invalid("encoding_format", f"Invalid value: '{given.encoding_format}'. Use 'float' or 'base64'.")
    return None


def _inputs(given: EmbeddingsBody) -> tuple[str | tuple[int, ...], ...]:
    """Return the inputs one by one: a bare text and a bare list of token ids are one each."""
    match given.input:
        case None:
            return ()
        case str(text):
            return (text,)
        case inputs:
            ids = tuple(each for each in inputs if isinstance(each, int))
            return (ids,) if ids else tuple(each for each in inputs if not isinstance(each, int))


def _embedding(index: int, text: str | tuple[int, ...], given: EmbeddingsBody, pen: Pen) -> Embedding:
    """Return the vector of one text: of the model and the text only, as that of a real model, not of its company."""
    digest = draw(pen.key, f"{given.model}\0{text}".encode()).digest
    encode = pen.vectors.as_base64 if given.encoding_format == "base64" else pen.vectors.as_json
    return Embedding(index, encode(digest, given.dimensions or pen.dimensions))
