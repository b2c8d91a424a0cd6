"""Refusals: the error bodies that OpenAI sends, word for word where they are known, and the status of each.

Sources: OpenAI's API reference (error object: message, type, param, code), its error-code guide, and the bodies quoted
in the SDKs' issue trackers.
"""

import re
from types import MappingProxyType
from typing import Final

import msgspec

from .faults import Kind

_INVALID: Final = "invalid_request_error"
_PLACE: Final = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)


class ErrorObject(msgspec.Struct, frozen=True):
    """OpenAI's error object; all four are always there."""

    message: str
    type: str = _INVALID
    param: str | None = None
    code: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A status and the error that goes with it."""

    status: int
    error: ErrorObject

    @property
    def body(self) -> bytes:
        """The JSON of the answer."""
        return b'{"error":' + msgspec.json.encode(self.error) + b"}"


def _refusal(status: int, message: str, kind: str = _INVALID, code: str | None = None) -> Refusal:
    return Refusal(status, ErrorObject(message, kind, None, code))


#: What a fault of each kind is answered, if it is answered by an error.
OF_FAULT: Final = MappingProxyType(
    {
        Kind.RATE_LIMITED: _refusal(
            429, "Rate limit reached for requests. Please try again later.", "requests", "rate_limit_exceeded"
        ),
        Kind.QUOTA: _refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
        # OpenAI's guide says `429 Resource Unavailable` and names no code
        Kind.CAPACITY: _refusal(
            429,
            "Resource Unavailable: no capacity for this service tier.",
            "resource_unavailable",
            "resource_unavailable",
        ),
        Kind.SERVER_ERROR: _refusal(
            500, "The server had an error while processing your request. Sorry about that!", "server_error"
        ),
        Kind.OVERLOADED: _refusal(
            503,
            "The server is currently overloaded. Please try again later.",
            "service_unavailable_error",
            "server_is_overloaded",
        ),
        Kind.SITE_OVERLOADED: _refusal(529, "Overloaded", "overloaded_error"),
        Kind.BAD_REQUEST: _refusal(400, "Invalid request.", code="invalid_value"),
        Kind.UNAUTHORIZED: _refusal(401, "Incorrect API key provided.", code="invalid_api_key"),
        Kind.FORBIDDEN: _refusal(
            403,
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        Kind.CONTENT_FILTER: _refusal(
            400,
            "Your request was rejected as a result of our safety system.",
            code="content_policy_violation",
        ),
    }
)

NOT_JSON: Final = _refusal(
    400, "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload."
)
NO_MODEL: Final = _refusal(400, "you must provide a model parameter")
NO_STREAM: Final = Refusal(
    400,
    ErrorObject("The simulator does not stream: expected stream to be false or absent.", _INVALID, "stream", "stream"),
)
TOO_LARGE: Final = _refusal(413, "The request is larger than the simulator accepts.", code="request_too_large")
HEAD_TOO_LARGE: Final = _refusal(431, "The request's headers are larger than the simulator accepts.")
NOT_HTTP: Final = _refusal(400, "The simulator could not parse this as HTTP/1.1.")


def model_not_found(model: str) -> Refusal:
    """Return what a request for an unknown model is answered."""
    return _refusal(404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found")


def context_length(limit: int, given: int, param: str) -> Refusal:
    """Return what a prompt longer than the model's context is answered."""
    message = (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {given} tokens. "
        "Please reduce the length of the messages."
    )
    return Refusal(400, ErrorObject(message, _INVALID, param, "context_length_exceeded"))


def missing(param: str) -> Refusal:
    """Return what a body without a required parameter is answered."""
    return Refusal(
        400, ErrorObject(f"Missing required parameter: '{param}'.", _INVALID, param, "missing_required_parameter")
    )


def invalid(param: str, message: str, code: str = "invalid_value") -> Refusal:
    """Return what a wrong value is answered."""
    return Refusal(400, ErrorObject(message, _INVALID, param, code))


def invalid_type(error: msgspec.ValidationError) -> Refusal:
    """Return what a body is answered whose field has the wrong type or range; msgspec found which."""
    found = _PLACE.match(str(error))
    if found is None:
        return NOT_JSON
    param = found["path"]
    return invalid(param, f"Invalid type for '{param}': {found['what']}.", "invalid_type")


def unknown_url(method: str, path: str) -> Refusal:
    """Return what a path is answered that is not served."""
    return _refusal(404, f"Invalid URL ({method} {path})")


def wrong_method(method: str, path: str) -> Refusal:
    """Return what a served path is answered with another method."""
    return _refusal(405, f"Not allowed to {method} on {path}.", code="method_not_supported")
