"""Answers of OpenAI's endpoints that do not generate text: moderations, images, transcriptions; and reranks.

Source: OpenAI's OpenAPI document, components `CreateModerationResponse`, `ImagesResponse` and
`CreateTranscriptionResponse…`. What is billed they tell in three ways: tokens, seconds of sound, or not at all.
"""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Tokens
from ...schemas.request import Endpoint, Request
from ..http import HttpReply
from ..outcome import Completion, Setback
from ..target import Target
from .chat import Count
from .errors import malformed, setback
from .family import Decode
from .native import answered
from .one_line import one_line
from .rerank import decode_openly
from .rerank_body import Amount


class _Details(msgspec.Struct, gc=False):
    audio_tokens: Count | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count | None = None
    #: Of a transcription; the word is another than that of chats.
    input_token_details: _Details | None = None
    output_tokens: Count | None = None
    #: The newer words are OpenAI's, these are those of its older endpoints, which others keep to.
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    #: Of a model that is billed by the length of the sound.
    seconds: Amount | None = None


class _Answer(msgspec.Struct, gc=False):
    id: str | None = None
    error: Any = None
    #: Of a moderation.
    results: list[msgspec.Raw] | None = None
    #: Images.
    data: list[msgspec.Raw] | None = None
    #: Of a transcription, with its length in seconds.
    text: str | None = None
    duration: Amount | None = None
    usage: _Usage | None = None


_answer: Final = msgspec.json.Decoder(_Answer)


def _decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    why = _why_not(answer, request.endpoint)
    if why is not None:
        return setback(reply, target, why, _tokens(answer.usage, request.endpoint))
    tokens = _tokens(answer.usage, request.endpoint, _units(answer, request.endpoint))
    request_id = reply.headers.get("x-request-id") or answer.id or ""
    return Completion(reply.status, one_line(reply.body), request_id, tokens)


def _why_not(answer: _Answer, endpoint: Endpoint) -> Failure | None:
    """Return why this is no answer, None if it is one."""
    if answer.error is not None:
        return failure(Code.PROVIDER_ERROR, given="an error that is not described")
    there = {
        Endpoint.MODERATIONS: bool(answer.results),
        Endpoint.IMAGES: bool(answer.data),
        Endpoint.TRANSCRIPTIONS: answer.text is not None,
    }
    return None if there[endpoint] else malformed(f"a JSON object without an answer for {endpoint}")


def _units(answer: _Answer, endpoint: Endpoint) -> int:
    """Return what is counted beside tokens: images, begun seconds of sound, a moderation."""
    if endpoint is Endpoint.IMAGES:
        return len(answer.data or ())
    if endpoint is Endpoint.MODERATIONS:
        return 1
    usage = answer.usage or _Usage()
    if usage.input_tokens is not None:
        return 0
    seconds = answer.duration if usage.seconds is None else usage.seconds
    return ceil(seconds or 0)


def _tokens(usage: _Usage | None, endpoint: Endpoint, units: int = 0) -> Tokens | None:
    """Return what was used; None where nothing is said of it. What is heard is sound, unless it is told from text."""
    said = usage or _Usage()
    inward = next((n for n in (said.input_tokens, said.prompt_tokens, said.total_tokens) if n is not None), None)
    if inward is None and not units:
        return None
    outward = said.completion_tokens if said.output_tokens is None else said.output_tokens
    heard = inward if said.input_token_details is None else said.input_token_details.audio_tokens
    sound = heard or 0 if endpoint is Endpoint.TRANSCRIPTIONS else 0
    return Tokens(input=inward or 0, output=outward or 0, input_audio=sound, units=units)


#: How the answers of these endpoints are read.
BESIDE: Final[Mapping[Endpoint, Decode]] = MappingProxyType(
    {
        Endpoint.MODERATIONS: _decode,
        Endpoint.IMAGES: _decode,
        Endpoint.TRANSCRIPTIONS: _decode,
        Endpoint.RERANK: decode_openly,
    }
)
