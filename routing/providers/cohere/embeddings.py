"""Embeddings on Cohere's wire: embed.

Source: its SDK cohere 7.3 (`V2Client.embed`, `EmbedByTypeResponse`). Cohere has to be told what a vector is for:
`input_type` stands in the body beside OpenAI's fields, or in the `params` of a deployment.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Request
from ...http import HttpCall, HttpReply
from ...outcome import Completion, Setback
from ...target import Target
from ..embeddings_body import EmbeddingsBody, Vector, embeddings_json, read_embeddings
from ..errors import malformed, setback
from ..native import JSON, answered
from ..unmet import Unmet
from .usage import Meta, tokens_of
from .wire import UNSET, Embed, Unset

_HONOURED: Final = frozenset(
    {"model", "input", "dimensions", "encoding_format", "input_type", "embedding_types", "truncate"}
)
#: Where the body says nothing: what most vectors are for.
_USUAL: Final = "search_document"
_TYPES: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_TRUNCATE: Final = frozenset({"NONE", "START", "END"})
_encode: Final = msgspec.json.Encoder().encode


class _ByType(msgspec.Struct, gc=False, rename={"float_": "float"}):
    float_: list[list[float]] | None = None
    int8: list[list[int]] | None = None
    uint8: list[list[int]] | None = None
    binary: list[list[int]] | None = None
    ubinary: list[list[int]] | None = None
    base64: list[str] | None = None


class _Answer(msgspec.Struct, gc=False):
    embeddings: _ByType
    id: str = ""
    meta: Meta | None = None


_answer: Final = msgspec.json.Decoder(_Answer)


def encode_embeddings(url: str, request: Request, target: Target) -> HttpCall | Failure:
    """Make a call for one or many texts."""
    unmet = Unmet(target)
    asked = read_embeddings(request, target, unmet)
    if isinstance(asked, Failure):
        return asked
    unmet.only(asked, _HONOURED)
    if not asked.texts:
        unmet.wrong("input", "a text or texts")
    if asked.input_type is None:
        unmet.put(f"input_type: said {_USUAL}, for the body says nothing")
    body = Embed(
        model=target.upstream_model,
        texts=asked.texts or [],
        input_type=asked.input_type or _USUAL,
        embedding_types=[_kind(asked, unmet)],
        output_dimension=UNSET if asked.dimensions is None else asked.dimensions,
        truncate=_truncate(asked, unmet),
    )
    return unmet.failure() or HttpCall(url, JSON, _encode(body), tuple(unmet.notes))


def _kind(asked: EmbeddingsBody, unmet: Unmet) -> str:
    """Return the type of the vectors: one, for OpenAI's answer has room for one."""
    if asked.embedding_types is None:
        return asked.encoding_format or "float"
    kinds = asked.embedding_types
    if len(kinds) == 1 and kinds[0] in _TYPES:
        return kinds[0]
    unmet.cannot("embedding_types", f"one of {', '.join(_TYPES)}")
    return asked.encoding_format or "float"


def _truncate(asked: EmbeddingsBody, unmet: Unmet) -> str | Unset:
    if asked.truncate is None:
        return UNSET
    if isinstance(asked.truncate, str) and asked.truncate in _TRUNCATE:
        return asked.truncate
    unmet.cannot("truncate", ", ".join(sorted(_TRUNCATE)))
    return UNSET


def decode_embeddings(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read the vectors, which have to be as many as the texts."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = tokens_of(answer.meta)
    unmet = Unmet(target)
    asked = read_embeddings(request, target, unmet)
    texts = None if isinstance(asked, Failure) else asked.texts
    if isinstance(asked, Failure) or texts is None:
        return setback(reply, target, malformed("vectors", "texts to which they belong"), tokens)
    vectors = _vectors(answer.embeddings, _kind(asked, unmet))
    if vectors is None or len(vectors) != len(texts):
        given = "no vectors" if vectors is None else f"{len(vectors)} vectors"
        return setback(reply, target, malformed(given, "one for each text"), tokens)
    body = embeddings_json(target.upstream_model, vectors, tokens)
    return Completion(reply.status, body, answer.id, tokens)


def _vectors(found: _ByType, kind: str) -> Sequence[Vector] | None:
    vectors: Sequence[Vector] | None = getattr(found, "float_" if kind == "float" else kind)
    return vectors
