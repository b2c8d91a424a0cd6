"""How Azure OpenAI differs from OpenAI: its paths, its request id, its errors, and the header that shows a key.

Sources: learn.microsoft.com, Azure OpenAI reference and "Content filtering" (the error of a filtered prompt).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ..wire import Error, Occasion, Row, Wire, retry_headers, row_of

ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(429, "429", "Requests have exceeded the call rate limit of your current tier."),
        Kind.QUOTA: Row(429, "insufficient_quota", "You exceeded your current quota."),
        Kind.SERVER_ERROR: Row(500, "InternalServerError", "The server had an error processing your request."),
        Kind.OVERLOADED: Row(503, "ServiceUnavailable", "The service is temporarily unavailable."),
        Kind.SITE_OVERLOADED: Row(529, "ServiceUnavailable", "The service is overloaded."),
        Kind.BAD_REQUEST: Row(400, "BadRequest", "The request is wrong."),
        Kind.UNAUTHORIZED: Row(401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
        Kind.FORBIDDEN: Row(403, "403", "Access denied due to Virtual Network/Firewall rules."),
        Kind.MODEL_NOT_FOUND: Row(404, "DeploymentNotFound", "The API deployment {model} does not exist."),
        Kind.CONTEXT_LENGTH: Row(
            400,
            "context_length_exceeded",
            "This model's maximum context length is {limit} tokens, however you requested {given} tokens.",
        ),
        Kind.CONTENT_FILTER: Row(
            400,
            "content_filter",
            "The response was filtered due to the prompt triggering the content management policy.",
            "ResponsibleAIPolicyViolation",
        ),
    }
)
_encode: Final = msgspec.json.Encoder().encode


class Inner(msgspec.Struct, frozen=True):
    """What lies behind an error."""

    code: str


class AzureError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Azure's error object."""

    code: str
    message: str
    param: str | None = None
    innererror: Inner | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """What it is in."""

    error: AzureError


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as Azure does."""
    row = row_of(ROWS, refusal)
    inner = None if row.code is None else Inner(row.code)
    body = ErrorBody(AzureError(row.word, row.message, refusal.param, inner))
    return Error(row.status, _encode(body), retry_headers(occasion))


def _identify(request_id: str, _milliseconds: float) -> bytes:
    name = request_id.encode()
    return b"x-request-id: %b\r\napim-request-id: %b\r\n" % (name, name)


WIRE: Final = Wire(refuse, _identify, (b"api-key", b"authorization"))
