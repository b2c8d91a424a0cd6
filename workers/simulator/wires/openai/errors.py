"""Refusals as OpenAI says them, word for word where the words are known.

Sources: OpenAI's API reference (error object: message, type, param, code), its error-code guide, and the bodies quoted
in the SDKs' issue trackers. OpenRouter's documentation for errors in a 200.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ..wire import Error, Occasion, Row, retry_headers, row_of

_INVALID: Final = "invalid_request_error"
ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(
            429, "requests", "Rate limit reached for requests. Please try again later.", "rate_limit_exceeded"
        ),
        Kind.QUOTA: Row(
            429,
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
        ),
        # OpenAI's guide says `429 Resource Unavailable` and names no code
        Kind.CAPACITY: Row(
            429,
            "resource_unavailable",
            "Resource Unavailable: no capacity for this service tier.",
            "resource_unavailable",
        ),
        Kind.SERVER_ERROR: Row(
            500, "server_error", "The server had an error while processing your request. Sorry about that!"
        ),
        Kind.OVERLOADED: Row(
            503,
            "service_unavailable_error",
            "The server is currently overloaded. Please try again later.",
            "server_is_overloaded",
        ),
        Kind.SITE_OVERLOADED: Row(529, "overloaded_error", "Overloaded"),
        Kind.BAD_REQUEST: Row(400, _INVALID, "Invalid request.", "invalid_value"),
        Kind.UNAUTHORIZED: Row(401, _INVALID, "Incorrect API key provided.", "invalid_api_key"),
        Kind.FORBIDDEN: Row(
            403,
            "request_forbidden",
            "Country, region, or territory not supported",
            "unsupported_country_region_territory",
        ),
        Kind.MODEL_NOT_FOUND: Row(
            404, _INVALID, "The model `{model}` does not exist or you do not have access to it.", "model_not_found"
        ),
        Kind.CONTEXT_LENGTH: Row(
            400,
            _INVALID,
            "This model's maximum context length is {limit} tokens. However, your messages resulted in {given} "
            "tokens. Please reduce the length of the messages.",
            "context_length_exceeded",
        ),
        Kind.CONTENT_FILTER: Row(
            400, _INVALID, "Your request was rejected as a result of our safety system.", "content_policy_violation"
        ),
    }
)
#: What OpenRouter says about an upstream that failed after the status line was sent.
_UPSTREAM: Final = MappingProxyType({429: "Provider is rate limited", 503: "Provider is overloaded"})
_encode: Final = msgspec.json.Encoder().encode


class ErrorObject(msgspec.Struct, frozen=True):
    """OpenAI's error object; all four are always there."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct, frozen=True):
    """What it is in."""

    error: ErrorObject


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as OpenAI does; an error in a 200 as OpenRouter does."""
    if refusal.kind is Kind.ERROR_IN_200:
        return Error(200, _in_200(refusal.given))
    row = row_of(ROWS, refusal)
    code = row.code if isinstance(refusal.code, msgspec.UnsetType) else refusal.code
    body = ErrorBody(ErrorObject(row.message, row.word, refusal.param, code))
    return Error(row.status, _encode(body), retry_headers(occasion))


def _in_200(code: int) -> bytes:
    message = _UPSTREAM.get(code, "Provider returned error")
    return _encode({"error": {"message": message, "code": code, "metadata": {"provider_name": "simulator"}}})
