"""Embeddings on the wires of those who say them nearly as OpenAI does: what is sent and what comes back."""

from dataclasses import dataclass
from typing import Final

import msgspec

from ...schemas.failures import Failure
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..target import Target
from .chat import Count
from .embeddings_body import EmbeddingsBody, Vector, embeddings_json, read_embeddings
from .errors import malformed, setback
from .native import JSON, answered
from .unmet import Unmet

_ALL: Final = frozenset({"model", "input", "dimensions", "encoding_format"})
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Words:
    """What one wire calls things."""

    dimensions: str
    #: The field by which Base64 is asked for.
    base64: str
    #: Fields beside OpenAI's that it has too.
    own: frozenset[str]


class _Embedding(msgspec.Struct, gc=False):
    index: Count
    embedding: list[int | float] | str


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    total_tokens: Count | None = None


class _Answer(msgspec.Struct, gc=False):
    data: list[_Embedding]
    model: str | None = None
    usage: _Usage | None = None


_answer: Final = msgspec.json.Decoder(_Answer)


def encode_embeddings(url: str, request: Request, target: Target, words: Words) -> HttpCall | Failure:
    """Make a call for one or many texts."""
    unmet = Unmet(target)
    asked = read_embeddings(request, target, unmet)
    if isinstance(asked, Failure):
        return asked
    unmet.only(asked, _ALL | words.own)
    if not asked.texts:
        unmet.wrong("input", "a text or texts")
    return unmet.failure() or HttpCall(url, JSON, _encode(_fields(asked, target, words)), tuple(unmet.notes))


def _fields(asked: EmbeddingsBody, target: Target, words: Words) -> dict[str, object]:
    fields: dict[str, object] = {
        "model": target.upstream_model,
        "input": asked.texts,
        words.dimensions: asked.dimensions,
    }
    fields.update((name, getattr(asked, name)) for name in sorted(words.own))
    if asked.encoding_format == "base64":
        fields[words.base64] = "base64"
    return {name: value for name, value in fields.items() if value is not None}


def decode_embeddings(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read the vectors, of which each text has to have one."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer.usage)
    asked = read_embeddings(request, target, Unmet(target))
    texts = None if isinstance(asked, Failure) else asked.texts
    vectors: list[Vector] = [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
    if texts is None or {each.index for each in answer.data} != set(range(len(texts))) or len(vectors) != len(texts):
        return setback(reply, target, malformed(f"{len(vectors)} vectors", "one for each text"), tokens)
    body = embeddings_json(answer.model or target.upstream_model, vectors, tokens)
    return Completion(reply.status, body, reply.headers.get("x-request-id", ""), tokens)


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Count tokens: Voyage says the total alone, which is the input."""
    spent = None if usage is None else (usage.prompt_tokens if usage.total_tokens is None else usage.total_tokens)
    return None if spent is None else Tokens(input=spent)
