"""Why a request is refused, whatever its wire: each wire says it in its own words, with a status of its own."""

import re
from typing import Final

import msgspec

from .faults import Kind

_PLACE: Final = re.compile(r"^(?P<what>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
#: Says that OpenAI's word for the kind will do.
_AS_ITS_KIND: Final = msgspec.UNSET


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal. What it does not say, the wire's table says for its kind."""

    kind: Kind = Kind.BAD_REQUEST
    message: str = ""
    #: The parameter that is wrong.
    param: str | None = None
    #: OpenAI's word for what is wrong; None: there is none.
    code: str | msgspec.UnsetType | None = _AS_ITS_KIND
    #: Another status than that of the kind.
    status: int | None = None
    #: The model that is not known.
    model: str = ""
    #: The tokens that a prompt may have, and those that it has; `given` is the number inside of an error in a 200.
    limit: int = 0
    given: int = 0


NOT_JSON: Final = Refusal(
    message="We could not parse the JSON body of your request: expected a JSON object.", code=None
)
NO_MODEL: Final = Refusal(message="you must provide a model parameter", code=None)
NO_STREAM: Final = Refusal(
    message="The simulator does not stream: expected stream to be false or absent.", param="stream", code="stream"
)
TOO_LARGE: Final = Refusal(
    status=413, message="The request is larger than the simulator accepts.", code="request_too_large"
)
HEAD_TOO_LARGE: Final = Refusal(
    status=431, message="The request's headers are larger than the simulator accepts.", code=None
)
NOT_HTTP: Final = Refusal(message="The simulator could not parse this as HTTP/1.1.", code=None)
UNAUTHORIZED: Final = Refusal(kind=Kind.UNAUTHORIZED)
TOO_MANY: Final = Refusal(kind=Kind.RATE_LIMITED)


def model_not_found(model: str) -> Refusal:
    """Say that nobody knows the model."""
    return Refusal(kind=Kind.MODEL_NOT_FOUND, model=model)


def context_length(limit: int, given: int, param: str) -> Refusal:
    """Say that a prompt is longer than the model's context."""
    return Refusal(kind=Kind.CONTEXT_LENGTH, param=param, limit=limit, given=given)


def missing(param: str) -> Refusal:
    """Say that a body is without a required parameter."""
    return Refusal(message=f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def invalid(param: str, message: str, code: str = "invalid_value") -> Refusal:
    """Say that a value is wrong."""
    return Refusal(message=message, param=param, code=code)


def invalid_type(error: msgspec.ValidationError) -> Refusal:
    """Say which field of a body has the wrong type or range; msgspec found it."""
    found = _PLACE.match(str(error))
    if found is None:
        return NOT_JSON
    param = found["path"]
    return invalid(param, f"Invalid type for '{param}': {found['what']}.", "invalid_type")


def unknown_url(method: str, path: str) -> Refusal:
    """Say that a path is not served."""
    return Refusal(status=404, message=f"Invalid URL ({method} {path})", code=None)


def wrong_method(method: str, path: str) -> Refusal:
    """Say that a path is served with another method."""
    return Refusal(status=405, message=f"Not allowed to {method} on {path}.", code="method_not_supported")
