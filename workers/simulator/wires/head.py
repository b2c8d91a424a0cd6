"""What is asked the same way on every wire: the model, the fault script, and not to be streamed."""

from typing import Final

import msgspec

from ..faults import FaultSyntaxError, Step, parse_script
from ..refusal import NO_MODEL, NO_STREAM, Refusal, invalid, model_not_found

#: The name under which a body carries a script, where it has names.
SCRIPT: Final = "simulate"
#: What a script begins with, where there is only a text.
_IN_TEXT: Final = "simulate:"


class Head(msgspec.Struct, frozen=True, gc=False):
    """The model that a request asks for, and the faults that it asks for."""

    model: str
    script: tuple[Step, ...] = ()


class Spoken(msgspec.Struct, frozen=True, gc=False):
    """A fault script as it was sent, and the parameter that holds it; empty for none."""

    param: str = ""
    script: str = ""


NO_SCRIPT: Final = Spoken()


class Shelf(msgspec.Struct, frozen=True):
    """The models that there are."""

    models: tuple[str, ...]
    #: Whether any other is refused.
    closed: bool


def read_head(model: str | None, spoken: Spoken, shelf: Shelf, *, stream: bool | None = None) -> Head | Refusal:
    """Return the head of a request, or why it is refused."""
    if not model:
        return NO_MODEL
    if shelf.closed and model not in shelf.models:
        return model_not_found(model)
    if stream:
        return NO_STREAM
    if not spoken.script:
        return Head(model)
    return _scripted(model, spoken)


def _scripted(model: str, spoken: Spoken) -> Head | Refusal:
    try:
        return Head(model, parse_script(spoken.script))
    except FaultSyntaxError as error:
        return invalid(spoken.param, f"Invalid fault script: {error}.")


def in_text(param: str, text: str | None) -> Spoken:
    """Return the script of a text that begins with `simulate:`, for parameters that hold nothing but a text."""
    if text and text.startswith(_IN_TEXT):
        return Spoken(param, text.removeprefix(_IN_TEXT))
    return NO_SCRIPT


def in_names(param: str, names: dict[str, str] | None) -> Spoken:
    """Return the script that stands under `simulate` in a mapping of texts."""
    if names and SCRIPT in names:
        return Spoken(f"{param}.{SCRIPT}", names[SCRIPT])
    return NO_SCRIPT
