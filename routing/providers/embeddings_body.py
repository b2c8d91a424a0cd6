"""OpenAI's embeddings as values, both ways, for wire families that say them in other words.

Source: OpenAI's OpenAPI document, components `CreateEmbeddingRequest` and `CreateEmbeddingResponse`.
"""

from array import array
from base64 import b64encode
from collections.abc import Sequence
from sys import byteorder
from typing import Final, Literal

import msgspec

from ...schemas.failures import Failure
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..target import Target
from .native import read_body
from .unmet import Unmet


class EmbeddingsBody(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The body of a request."""

    model: str = ""
    #: Texts, or their tokens.
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None
    # not OpenAI's: what Cohere, Voyage and Jina want to know besides, in their own words
    #: What the vectors are for: Cohere's and Voyage's word, and Jina's.
    input_type: str | None = None
    task: str | None = None
    #: Of what the vectors are made: Cohere's, Voyage's and Jina's word.
    embedding_types: list[str] | None = None
    output_dtype: str | None = None
    embedding_type: str | None = None
    #: Whether, or where, what is too long is cut: Cohere's and Jina's word, and Voyage's.
    truncate: bool | str | None = None
    truncation: bool | None = None
    #: Jina's.
    late_chunking: bool | None = None
    normalized: bool | None = None

    @property
    def texts(self) -> list[str] | None:
        """The texts; None if they are given as tokens, which only their own vocabulary can read."""
        if isinstance(self.input, str):
            return [self.input]
        texts = [each for each in self.input if isinstance(each, str)]
        return texts if len(texts) == len(self.input) else None


#: Numbers, whole ones where they are quantized, or Base64.
Vector = list[float] | list[int] | str


class Embedding(msgspec.Struct, frozen=True, gc=False):
    """The vector of one input: numbers, or the Base64 of 32-bit ones."""

    index: int
    embedding: Vector
    object: Literal["embedding"] = "embedding"


class EmbeddingsUsage(msgspec.Struct, frozen=True, gc=False):
    """What was used."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(msgspec.Struct, frozen=True, gc=False):
    """The body of an answer."""

    model: str
    data: list[Embedding]
    #: Zero where the provider does not say: OpenAI's wire has no word for that.
    usage: EmbeddingsUsage
    object: Literal["list"] = "list"


_body: Final = msgspec.json.Decoder(EmbeddingsBody)
_KNOWN: Final = frozenset(EmbeddingsBody.__struct_fields__)
_encode: Final = msgspec.json.Encoder().encode


def read_embeddings(request: Request, target: Target, unmet: Unmet) -> EmbeddingsBody | Failure:
    """Read a body as the target's overrides make it."""
    return read_body(_body, _KNOWN, request, target, unmet)


def embeddings_json(model: str, vectors: Sequence[Vector], tokens: Tokens | None, *, base64: bool = False) -> bytes:
    """Write an answer, the vectors in the order of the inputs; those that are texts are Base64 already."""
    used = 0 if tokens is None else tokens.input
    data = [Embedding(at, _base64(each) if base64 else each) for at, each in enumerate(vectors)]
    return _encode(Embeddings(model, data, EmbeddingsUsage(used, used)))


def _base64(vector: Vector) -> str:
    if isinstance(vector, str):
        return vector
    numbers = array("f", vector)
    if byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()
