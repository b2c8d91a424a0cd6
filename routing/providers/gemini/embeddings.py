"""Embeddings on Gemini's wire: batchEmbedContents.

Source: Google's reference, "Embeddings".
"""

from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.reply import Tokens
from ....schemas.request import Request
from ...http import HttpCall, HttpReply
from ...outcome import Completion, Setback
from ...target import Target
from ..chat import Count
from ..embeddings_body import embeddings_json, read_embeddings
from ..errors import malformed, setback
from ..native import JSON, answered
from ..unmet import Unmet
from .wire import UNSET, Instruction, Part, Unset

_HONOURED: Final = frozenset({"model", "input", "dimensions", "encoding_format"})


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    model: str
    content: Instruction
    output_dimensionality: int | Unset = UNSET


class _Body(msgspec.Struct, frozen=True):
    requests: list[_Request]


class _Vector(msgspec.Struct, gc=False):
    values: list[float]


class _Usage(msgspec.Struct, gc=False, rename="camel"):
    prompt_token_count: Count | None = None


class _Answer(msgspec.Struct, gc=False, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: _Usage | None = None


_answer: Final = msgspec.json.Decoder(_Answer)
_encode: Final = msgspec.json.Encoder().encode


def encode_embeddings(url: str, request: Request, target: Target) -> HttpCall | Failure:
    """Make a call for one or many texts."""
    unmet = Unmet(target)
    asked = read_embeddings(request, target, unmet)
    if isinstance(asked, Failure):
        return asked
    unmet.only(asked, _HONOURED)
    if not asked.texts:
        unmet.wrong("input", "a text or texts")
    model = f"models/{target.upstream_model}"
    dimensions = UNSET if asked.dimensions is None else asked.dimensions
    requests = [_Request(model, Instruction([Part(text=text)]), dimensions) for text in asked.texts or ()]
    return unmet.failure() or HttpCall(url, JSON, _encode(_Body(requests)), tuple(unmet.notes))


def decode_embeddings(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read the vectors, which have to be as many as the texts."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer.usage_metadata)
    asked = read_embeddings(request, target, Unmet(target))
    texts = None if isinstance(asked, Failure) else asked.texts
    if isinstance(asked, Failure) or texts is None or len(texts) != len(answer.embeddings):
        return setback(reply, target, malformed(f"{len(answer.embeddings)} vectors", "one for each text"), tokens)
    vectors = [each.values for each in answer.embeddings]
    body = embeddings_json(target.upstream_model, vectors, tokens, base64=asked.encoding_format == "base64")
    return Completion(reply.status, body, reply.headers.get("x-goog-request-id", ""), tokens)


def _tokens(usage: _Usage | None) -> Tokens | None:
    return None if usage is None or usage.prompt_token_count is None else Tokens(input=usage.prompt_token_count)
