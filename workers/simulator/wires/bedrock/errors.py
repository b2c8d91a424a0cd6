"""Refusals as AWS says them: the kind stands in a header.

Source: botocore 1.44.8, bedrock-runtime service-2.json; AWS, Signature Version 4, common errors.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...faults import Kind
from ...refusal import Refusal
from ...tokens import Usage
from ..wire import Error, Occasion, Row, retry_headers, row_of
from .conversed import Conversed, Output, SaidBlock, SaidMessage, usage_of

_UNAVAILABLE: Final = "ServiceUnavailableException"
_WRONG: Final = "ValidationException"
ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(429, "ThrottlingException", "Too many requests, please wait before trying again."),
        Kind.QUOTA: Row(400, "ServiceQuotaExceededException", "Your request exceeds the service quota of the account."),
        Kind.SERVER_ERROR: Row(500, "InternalServerException", "The system encountered an unexpected error."),
        Kind.OVERLOADED: Row(503, _UNAVAILABLE, "Bedrock is unable to process your request."),
        Kind.SITE_OVERLOADED: Row(529, _UNAVAILABLE, "Bedrock is unable to process your request."),
        Kind.BAD_REQUEST: Row(400, _WRONG, "The request is malformed."),
        Kind.UNAUTHORIZED: Row(403, "UnrecognizedClientException", "The security token of the request is invalid."),
        Kind.FORBIDDEN: Row(403, "AccessDeniedException", "You don't have access to the model."),
        Kind.MODEL_NOT_FOUND: Row(404, "ResourceNotFoundException", "The model {model} could not be found."),
        Kind.CONTEXT_LENGTH: Row(400, _WRONG, "Input is too long for requested model: {given} tokens of {limit}."),
        Kind.CONTENT_FILTER: Row(400, _WRONG, "The prompt was blocked."),
    }
)
_encode: Final = msgspec.json.Encoder().encode


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong; the kind of it stands in a header."""

    message: str


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as AWS does: a prompt that is filtered gets an answer whose reason says so, and is billed."""
    usage = occasion.answer.usage
    if refusal.kind is Kind.CONTENT_FILTER and usage is not None:
        return _blocked(msgspec.structs.replace(usage, output=0))
    row = row_of(ROWS, refusal)
    headers = f"x-amzn-errortype: {row.word}\r\n".encode() + retry_headers(occasion)
    return Error(row.status, _encode(ErrorBody(row.message)), headers)


def _blocked(usage: Usage) -> Error:
    message = SaidMessage((SaidBlock("The prompt was blocked."),))
    return Error(200, _encode(Conversed(Output(message), "guardrail_intervened", usage_of(usage))), b"", usage)
