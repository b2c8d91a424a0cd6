"""Refusals as Google says them: when to come back stands in the body.

Sources: ai.google.dev, "API errors"; google-gemini/gemini-cli#8437 (recorded bodies of both kinds of 429).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ...tokens import Usage
from ..wire import Error, Occasion, Row, row_of

_WRONG: Final = "INVALID_ARGUMENT"
_EXHAUSTED: Final = "RESOURCE_EXHAUSTED"
_UNAVAILABLE: Final = "UNAVAILABLE"
#: The second word of a row is the quota that is violated.
ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(
            429,
            _EXHAUSTED,
            "You exceeded your current quota: requests per minute.",
            "GenerateRequestsPerMinutePerProjectPerModel",
        ),
        Kind.QUOTA: Row(
            429,
            _EXHAUSTED,
            "You exceeded your current quota: requests per day.",
            "GenerateRequestsPerDayPerProjectPerModel",
        ),
        Kind.SERVER_ERROR: Row(500, "INTERNAL", "An internal error has occurred."),
        Kind.OVERLOADED: Row(503, _UNAVAILABLE, "The model is overloaded. Please try again later."),
        Kind.SITE_OVERLOADED: Row(529, _UNAVAILABLE, "The model is overloaded. Please try again later."),
        Kind.BAD_REQUEST: Row(400, _WRONG, "Request contains an invalid argument."),
        Kind.UNAUTHORIZED: Row(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        Kind.FORBIDDEN: Row(403, "PERMISSION_DENIED", "The caller does not have permission."),
        Kind.MODEL_NOT_FOUND: Row(404, "NOT_FOUND", "models/{model} is not found."),
        Kind.CONTEXT_LENGTH: Row(
            400,
            _WRONG,
            "The input token count ({given}) exceeds the maximum number of tokens allowed ({limit}).",
        ),
        Kind.CONTENT_FILTER: Row(400, _WRONG, "The prompt was blocked."),
    }
)
_encode: Final = msgspec.json.Encoder().encode


class Violation(msgspec.Struct, frozen=True, rename="camel"):
    """A quota that is violated."""

    quota_id: str


class QuotaFailure(msgspec.Struct, frozen=True, tag_field="@type", tag="type.googleapis.com/google.rpc.QuotaFailure"):
    """The quotas that are violated."""

    violations: tuple[Violation, ...]


class RetryInfo(
    msgspec.Struct, frozen=True, rename="camel", tag_field="@type", tag="type.googleapis.com/google.rpc.RetryInfo"
):
    """When to come back."""

    retry_delay: str


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    code: int
    message: str
    status: str
    details: tuple[QuotaFailure | RetryInfo, ...] = ()


class ErrorBody(msgspec.Struct, frozen=True):
    """What it is in."""

    error: Status


class Feedback(msgspec.Struct, frozen=True, rename="camel"):
    """Why a prompt has no answer."""

    block_reason: str = "SAFETY"


class BlockedUsage(msgspec.Struct, frozen=True, rename="camel"):
    """The tokens of a prompt without an answer."""

    prompt_token_count: int
    total_token_count: int
    cached_content_token_count: int


class Blocked(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a prompt that is filtered."""

    usage_metadata: BlockedUsage
    model_version: str
    response_id: str
    prompt_feedback: Feedback = Feedback()


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as Google does: a prompt that is filtered gets an answer without candidates, and is billed."""
    usage = occasion.answer.usage
    if refusal.kind is Kind.CONTENT_FILTER and usage is not None:
        return _blocked(occasion, Usage(usage.input, cached=usage.cached))
    row = row_of(ROWS, refusal)
    body = ErrorBody(Status(row.status, row.message, row.word, tuple(_details(row, occasion))))
    return Error(row.status, _encode(body))


def _details(row: Row, occasion: Occasion) -> "list[QuotaFailure | RetryInfo]":
    details: list[QuotaFailure | RetryInfo] = []
    if row.code is not None:
        details.append(QuotaFailure((Violation(row.code),)))
    seconds = occasion.retry_after
    if occasion.retry_after_ms is not None:
        seconds = occasion.retry_after_ms / 1000
    if seconds is not None:
        details.append(RetryInfo(f"{seconds:g}s"))
    return details


def _blocked(occasion: Occasion, usage: Usage) -> Error:
    tokens = BlockedUsage(usage.input, usage.input, usage.cached)
    return Error(200, _encode(Blocked(tokens, occasion.answer.model, occasion.request_id)), b"", usage)
