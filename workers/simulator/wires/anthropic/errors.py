"""Refusals as Anthropic says them.

Sources: Anthropic's reference, "Errors", and its SDK 2.14, types/shared.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ...tokens import Usage
from ..wire import Error, Occasion, Row, retry_headers, row_of
from .message import MessageObject, StopDetails, usage_of

_INVALID: Final = "invalid_request_error"
_OVERLOADED: Final = "overloaded_error"
ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(429, "rate_limit_error", "This request would exceed the rate limit of requests."),
        Kind.QUOTA: Row(
            429, "rate_limit_error", "The spend limit of this month is reached.", "enforced_spend_limit_reached"
        ),
        Kind.SERVER_ERROR: Row(500, "api_error", "Internal server error"),
        Kind.OVERLOADED: Row(503, _OVERLOADED, "Overloaded"),
        Kind.SITE_OVERLOADED: Row(529, _OVERLOADED, "Overloaded"),
        Kind.BAD_REQUEST: Row(400, _INVALID, "The request is wrong."),
        Kind.UNAUTHORIZED: Row(401, "authentication_error", "invalid x-api-key"),
        Kind.FORBIDDEN: Row(403, "permission_error", "The API key may not use this resource."),
        Kind.MODEL_NOT_FOUND: Row(404, "not_found_error", "model: {model}"),
        Kind.CONTEXT_LENGTH: Row(400, _INVALID, "prompt is too long: {given} tokens > {limit} maximum"),
        Kind.CONTENT_FILTER: Row(400, _INVALID, "The prompt was refused."),
    }
)
_encode: Final = msgspec.json.Encoder().encode


class Details(msgspec.Struct, frozen=True):
    """What lies behind an error."""

    error_code: str


class ErrorObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong."""

    type: str
    message: str
    details: Details | None = None


class ErrorBody(msgspec.Struct, frozen=True, tag="error"):
    """What it is in."""

    error: ErrorObject
    request_id: str


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as Anthropic does: a prompt that is filtered gets a Message whose reason says so, and is billed."""
    usage = occasion.answer.usage
    if refusal.kind is Kind.CONTENT_FILTER and usage is not None:
        return _filtered(occasion, msgspec.structs.replace(usage, output=0, reasoning=0))
    row = row_of(ROWS, refusal)
    details = None if row.code is None else Details(row.code)
    body = ErrorBody(ErrorObject(row.word, row.message, details), occasion.request_id)
    return Error(row.status, _encode(body), retry_headers(occasion))


def _filtered(occasion: Occasion, usage: Usage) -> Error:
    why = StopDetails("The prompt was refused.")
    name = f"msg_{occasion.request_id}"
    message = MessageObject(name, occasion.answer.model, (), "refusal", usage_of(usage), stop_details=why)
    return Error(200, _encode(message), b"", usage)
