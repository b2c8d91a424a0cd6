"""The OpenAI wire: chat completions, embeddings and responses; the other endpoints stand beside (`openai_beside.py`).

Source: OpenAI's OpenAPI document (components `CreateChatCompletionResponse`, `CreateEmbeddingResponse`, `Response`,
`ErrorResponse`) and the error codes of its guide.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Tokens
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..service_tiers import tier_name
from ..target import Target
from .body import overridden
from .chat import MOST_TOKENS
from .errors import Ending, Finish, finish, malformed, setback
from .family import Family, url_of
from .one_line import one_line
from .openai_beside import BESIDE
from .rules import fitted, has_rules
from .transcription import encode_transcription

_PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {
        Endpoint.CHAT: "/chat/completions",
        Endpoint.EMBEDDINGS: "/embeddings",
        Endpoint.RESPONSES: "/responses",
        Endpoint.MODERATIONS: "/moderations",
        Endpoint.IMAGES: "/images/generations",
        Endpoint.TRANSCRIPTIONS: "/audio/transcriptions",
        Endpoint.RERANK: "/rerank",
    }
)
_HEADERS: Final = (("Content-Type", "application/json"),)


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Both dialects: chat and embeddings say prompt/completion, responses says input/output."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    #: Of a Response; not text everywhere else.
    status: Any = None
    error: Any = None
    choices: list[_Choice] | None = None
    data: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()
    usage: _Usage | None = None
    #: Not text everywhere.
    service_tier: Any = None


_answer = msgspec.json.Decoder(_Answer)
#: The length above which the whitespace of a list is not looked through for its end.
_SHORT: Final = 64
_encoder = msgspec.json.Encoder()
_numbers: Final = msgspec.structs.astuple

#: How answers end that are worth no second look.
_USUAL: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call", None})


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make the call: the body with the deployment's model and overrides in it, every other byte as it came."""
    return encode_at(url_of(request, target, _PATHS, quote(target.upstream_model, safe="")), request, target)


def encode_at(url: str | Failure, request: Request, target: Target) -> HttpCall | Failure:
    """Make the call to an address that is known, or say why there is none."""
    if isinstance(url, Failure):
        return url
    if request.endpoint is Endpoint.TRANSCRIPTIONS:
        return encode_transcription(url, request, target)
    if not has_rules(target.service):
        return HttpCall(url, _HEADERS, _with_model(request, target))
    fit = fitted(overridden(request, target), request.endpoint, target.service, target.provider)
    if isinstance(fit, Failure):
        return fit
    return HttpCall(url, _HEADERS, _named(fit.fields, target), fit.notes, fit.twins)


def _with_model(request: Request, target: Target) -> bytes:
    if request.model == target.upstream_model and not target.params:
        return request.body
    return _named(overridden(request, target), target)


def _named(fields: dict[str, msgspec.Raw], target: Target) -> bytes:
    fields["model"] = msgspec.Raw(_encoder.encode(target.upstream_model))
    return _encoder.encode(fields)


def decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    beside = BESIDE.get(request.endpoint)
    if beside is not None:
        return beside(reply, request, target)
    if reply.status != 200:
        return setback(reply, target)
    try:
        if not reply.body.isascii():
            reply.body.decode()
        answer = _answer.decode(reply.body)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and msgspec.DecodeError are ValueErrors
        return setback(reply, target, malformed(str(error)))
    why = _why_not(answer, request.endpoint, target)
    if why is not None:
        return setback(reply, target, why, _tokens(answer.usage))
    request_id = reply.headers.get("x-request-id") or answer.id or ""
    tier = tier_name(answer.service_tier)
    return Completion(reply.status, one_line(reply.body), request_id, _tokens(answer.usage), tier)


def _why_not(answer: _Answer, endpoint: Endpoint, target: Target) -> Failure | None:
    """Return why this is no answer, None if it is one."""
    if answer.error is not None:
        return failure(Code.PROVIDER_ERROR, given="an error that is not described")
    if not _has_answer(answer, endpoint):
        return malformed(f"a JSON object without an answer for {endpoint}")
    if endpoint is Endpoint.RESPONSES and answer.status not in (None, "completed"):
        return _failed(finish(target, str(answer.status), Ending.RESPONSE))
    for choice in answer.choices or ():
        if choice.finish_reason not in _USUAL and (why := _failed(finish(target, choice.finish_reason))):
            return why
    return None


def _has_answer(answer: _Answer, endpoint: Endpoint) -> bool:
    """Say whether there is anything in it: a list of no choices or no vectors answers nothing that can be asked.

    A response may have no output: it says itself how it ended, and may have spent all that it was allowed on thinking.
    """
    if endpoint is Endpoint.CHAT:
        return bool(answer.choices)
    if endpoint is Endpoint.RESPONSES:
        return bytes(answer.output).startswith(b"[")
    vectors = bytes(answer.data)
    return vectors.startswith(b"[") and vectors[1:_SHORT].lstrip()[:1] != b"]"


def _failed(ended: Finish | Failure) -> Failure | None:
    return ended if isinstance(ended, Failure) else None


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Count tokens; None where nobody did, or where no call can have taken so many, or fewer than none.

    The answer is good all the same, and paid for: to call it malformed would be to pay for another.
    """
    counted = None if usage is None else _counted(usage)
    if counted is None:
        return None
    numbers = _numbers(counted)
    return None if min(numbers) < 0 or max(numbers) > MOST_TOKENS else counted


def _counted(usage: _Usage) -> Tokens | None:
    spent = usage.prompt_tokens if usage.prompt_tokens is not None else usage.input_tokens
    if spent is None:
        return None
    inward = usage.prompt_tokens_details or usage.input_tokens_details or _Details()
    outward = usage.completion_tokens_details or usage.output_tokens_details or _Details()
    return Tokens(
        input=spent,
        cached=inward.cached_tokens or 0,
        cache_write=inward.cache_write_tokens or 0,
        output=usage.completion_tokens or usage.output_tokens or 0,
        reasoning=outward.reasoning_tokens or 0,
        input_audio=inward.audio_tokens or 0,
        output_audio=outward.audio_tokens or 0,
    )


FAMILY: Final = Family(encode, decode, _PATHS)
