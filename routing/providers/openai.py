"""The OpenAI wire: chat completions, embeddings and responses.

Source: OpenAI's OpenAPI document (components `CreateChatCompletionResponse`, `CreateEmbeddingResponse`, `Response`,
`ErrorResponse`) and the error codes of its guide.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Tokens
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..target import Target
from .body import overridden
from .family import Family, url_of
from .rules import fitted, has_rules
from .signals import retry_after, should_retry

_PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {Endpoint.CHAT: "/chat/completions", Endpoint.EMBEDDINGS: "/embeddings", Endpoint.RESPONSES: "/responses"}
)
_HEADERS: Final = (("Content-Type", "application/json"),)


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


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


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    #: OpenRouter sends a number.
    code: str | int | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    error: _Error | str | None = None
    choices: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()
    usage: _Usage | None = None


_answer = msgspec.json.Decoder(_Answer)
_encoder = msgspec.json.Encoder()

#: What each code, or else each type, of an error object means. Source: OpenAI's error codes, its compatible providers'.
_SAID: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "insufficient_quota": Code.QUOTA_EXHAUSTED,
        "credit_balance_exhausted": Code.QUOTA_EXHAUSTED,
        "organization_spend_limit_exceeded": Code.QUOTA_EXHAUSTED,
        "project_spend_limit_exceeded": Code.QUOTA_EXHAUSTED,
        "organization_usage_limit_exceeded": Code.QUOTA_EXHAUSTED,
        "billing_hard_limit_reached": Code.QUOTA_EXHAUSTED,
        "rate_limit_exceeded": Code.RATE_LIMITED,
        "rate_limit_error": Code.RATE_LIMITED,
        "slow_down": Code.RATE_LIMITED,
        "context_length_exceeded": Code.CONTEXT_LENGTH,
        "content_filter": Code.CONTENT_POLICY,
        "content_policy_violation": Code.CONTENT_POLICY,
        "model_not_found": Code.UPSTREAM_NOT_FOUND,
        "invalid_api_key": Code.AUTHENTICATION,
        "authentication_error": Code.AUTHENTICATION,
        "permission_denied": Code.PERMISSION,
        "overloaded_error": Code.OVERLOADED,
        "server_is_overloaded": Code.OVERLOADED,
        "server_error": Code.PROVIDER_ERROR,
        "invalid_prompt": Code.BAD_REQUEST,
    }
)

#: What a status means when the body does not say more.
_STATUS: Final[Mapping[int, Code]] = MappingProxyType(
    {
        400: Code.BAD_REQUEST,
        401: Code.AUTHENTICATION,
        402: Code.QUOTA_EXHAUSTED,
        403: Code.PERMISSION,
        404: Code.UPSTREAM_NOT_FOUND,
        408: Code.OVERLOADED,
        409: Code.OVERLOADED,
        413: Code.BAD_REQUEST,
        422: Code.BAD_REQUEST,
        429: Code.RATE_LIMITED,
        498: Code.OVERLOADED,
        503: Code.OVERLOADED,
        529: Code.OVERLOADED,
    }
)


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make the call: the body with the deployment's model and overrides in it, every other byte as it came."""
    url = url_of(request, target, _PATHS, quote(target.upstream_model, safe=""))
    if isinstance(url, Failure):
        return url
    if not has_rules(target.service):
        return HttpCall(url, _HEADERS, _with_model(request, target))
    fit = fitted(overridden(request, target), request.endpoint, target.service, target.provider)
    if isinstance(fit, Failure):
        return fit
    return HttpCall(url, _HEADERS, _named(fit.fields, target), fit.notes)


def _with_model(request: Request, target: Target) -> bytes:
    if request.model == target.upstream_model and not target.params:
        return request.body
    return _named(overridden(request, target), target)


def _named(fields: dict[str, msgspec.Raw], target: Target) -> bytes:
    fields["model"] = msgspec.Raw(_encoder.encode(target.upstream_model))
    return _encoder.encode(fields)


def decode(reply: HttpReply, request: Request, _: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    endpoint = request.endpoint
    try:
        reply.body.decode()
        answer = _answer.decode(reply.body)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and msgspec.DecodeError are ValueErrors
        return _malformed(reply, str(error)) if reply.status == 200 else _refusal(reply, None, None)
    if reply.status != 200 or answer.error is not None:
        return _refusal(reply, answer.error, _one_line(reply.body))
    if not _has_answer(answer, endpoint):
        return _malformed(reply, f"a JSON object without an answer for {endpoint}")
    request_id = reply.headers.get("x-request-id") or answer.id or ""
    return Completion(reply.status, _one_line(reply.body), request_id, _tokens(answer.usage))


def _has_answer(answer: _Answer, endpoint: Endpoint) -> bool:
    part = {Endpoint.CHAT: answer.choices, Endpoint.EMBEDDINGS: answer.data, Endpoint.RESPONSES: answer.output}
    return bytes(part[endpoint]).startswith(b"[")


def _one_line(body: bytes) -> bytes:
    body = body.strip()
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body


def _tokens(usage: _Usage | None) -> Tokens | None:
    if usage is None:
        return None
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
    )


def _malformed(reply: HttpReply, why: str) -> Setback:
    """Report a 200 that cannot be used: it may have been billed."""
    failed = failure(Code.MALFORMED_RESPONSE, expected="the JSON of an answer", given=why)
    return Setback(failed, retry_after(reply.headers), should_retry(reply.headers), reply.status)


def _refusal(reply: HttpReply, error: _Error | str | None, body: bytes | None) -> Setback:
    """Report an error; the page of a proxy in between is one by its status alone, and has no `body` to pass on."""
    said = _Error(message=error) if isinstance(error, str) else error or _Error()
    message = f"HTTP {reply.status}: {said.message or 'no message'}"
    failed = failure(_meaning(reply.status, said), given=message)
    return Setback(failed, retry_after(reply.headers), should_retry(reply.headers), reply.status, body)


def _meaning(status: int, said: _Error) -> Code:
    for word in (said.code, said.type):
        if isinstance(word, str) and word in _SAID:
            return _SAID[word]
    if status == 200 and isinstance(said.code, int):
        status = said.code
    return _STATUS.get(status, Code.PROVIDER_ERROR if status >= 500 or status == 200 else Code.BAD_REQUEST)


FAMILY: Final = Family(encode, decode, _PATHS)
