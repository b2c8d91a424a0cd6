"""The body as a deployment gets it: with its own model, and with the parameters that its route overrides."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ...schemas.request import Request
from ..target import Target

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def overridden(request: Request, target: Target) -> dict[str, msgspec.Raw]:
    """Return the body's fields, each as JSON: those that the target overrides are its own, the others as they came.

    The model's name is left to the wire family. A parameter that is overridden with null is taken out.
    """
    fields = _fields.decode(request.body)
    for name, value in target.params:
        if value == b"null":
            fields.pop(name, None)
        else:
            fields[name] = msgspec.Raw(value)
    return fields


def asking_for(request: Request, model: str) -> Request:
    """Return the request as one for another model, also where its body says so: a deployment may get it as it is."""
    fields = _fields.decode(request.body)
    fields["model"] = msgspec.Raw(_encoder.encode(model))
    return msgspec.structs.replace(request, model=model, body=_encoder.encode(fields))


def body_for(request: Request, target: Target) -> bytes:
    """Return the body with the target's parameters in it; as it came where nothing is overridden."""
    return _encoder.encode(overridden(request, target)) if target.params else request.body


def as_sent(request: Request, target: Target) -> Request:
    """Return the request as its target's overrides make it: what it takes is estimated from that."""
    if not target.params:
        return request
    return msgspec.structs.replace(request, body=body_for(request, target), max_output=None)


def params_of(values: Mapping[str, object]) -> tuple[tuple[str, bytes], ...]:
    """Return parameters as a target keeps them: by name, each as JSON."""
    return tuple((name, _encoder.encode(value)) for name, value in sorted(values.items()))
