"""What is asked the same way at every endpoint: the model, the fault script, and not to be streamed."""

from typing import Final

import msgspec

from .bodies import AsSent, Body
from .faults import FaultSyntaxError, Step, parse_script
from .refusals import NO_MODEL, NO_STREAM, Refusal, invalid, model_not_found

_SCRIPT: Final = "simulate"
_IN_USER: Final = "simulate:"


class Head(msgspec.Struct, frozen=True):
    """The model that a request asks for, the faults that it asks for, and what is needed of it as it was sent."""

    model: str
    script: tuple[Step, ...] = ()
    sent: AsSent = AsSent()


class Shelf(msgspec.Struct, frozen=True):
    """The models that there are."""

    models: tuple[str, ...]
    #: Whether any other is refused.
    closed: bool


def read_head(given: Body, sent: AsSent, shelf: Shelf) -> Head | Refusal:
    """Return the head of a request, or why it is refused."""
    if not given.model:
        return NO_MODEL
    if shelf.closed and given.model not in shelf.models:
        return model_not_found(given.model)
    if given.stream:
        return NO_STREAM
    param, script = _script(given)
    try:
        return Head(given.model, parse_script(script) if script else (), sent)
    except FaultSyntaxError as error:
        return invalid(param, f"Invalid fault script: {error}.")


def _script(given: Body) -> tuple[str, str]:
    """Return where the script is and the script: in `metadata` under `simulate`, or in `user` behind `simulate:`."""
    if given.metadata and _SCRIPT in given.metadata:
        return f"metadata.{_SCRIPT}", given.metadata[_SCRIPT]
    if given.user and given.user.startswith(_IN_USER):
        return "user", given.user.removeprefix(_IN_USER)
    return "", ""
