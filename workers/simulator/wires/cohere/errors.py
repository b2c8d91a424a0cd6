"""Refusals as Cohere says them: the status and a text are all.

Sources: docs.cohere.com, "Errors" and its page on trial keys; cohere 7.3, errors/.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ..wire import Error, Occasion, Row, retry_headers, row_of

ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(429, "", "You are using a Trial key, which is limited to 20 API calls / minute."),
        Kind.QUOTA: Row(429, "", "You are using a Trial key, which is limited to 1000 API calls / month."),
        Kind.SERVER_ERROR: Row(500, "", "internal server error"),
        Kind.OVERLOADED: Row(503, "", "service unavailable"),
        Kind.SITE_OVERLOADED: Row(529, "", "service unavailable"),
        Kind.BAD_REQUEST: Row(400, "", "invalid request"),
        Kind.UNAUTHORIZED: Row(401, "", "invalid api token"),
        Kind.FORBIDDEN: Row(403, "", "this key may not use this endpoint"),
        Kind.MODEL_NOT_FOUND: Row(404, "", "model '{model}' not found"),
        Kind.CONTEXT_LENGTH: Row(400, "", "too many tokens: size limit exceeded by {given} tokens of {limit}"),
        Kind.CONTENT_FILTER: Row(400, "", "the prompt was blocked"),
    }
)
_encode: Final = msgspec.json.Encoder().encode


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong."""

    id: str
    message: str


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as Cohere does: the status and a text are all."""
    row = row_of(ROWS, refusal)
    return Error(row.status, _encode(ErrorBody(occasion.request_id, row.message)), retry_headers(occasion))
