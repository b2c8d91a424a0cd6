"""How a command begins: a new batch, the one that was interrupted, or none, because something would be lost."""

import enum
from dataclasses import dataclass

from .batch_state import BatchState
from .fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command asks for, and what is there."""

    #: For texts.
    input_name: str
    output_name: str
    fingerprint: Fingerprint
    #: The bus, as states spell it.
    bus: str
    output_exists: bool
    #: Overwrite, and abandon, what stands in the way.
    force: bool


class Opening(enum.Enum):
    """What to do."""

    #: Begin a new batch.
    BEGIN = "begin"
    #: Go on with the one that was found.
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done, and why."""

    problem: str
    hint: str


def open_as(found: BatchState | None, wanted: Wanted, *, vacant: bool) -> Opening | Refused:
    """Decide. An unfinished batch of the same input on the same bus is resumed, also with `force`: it is paid for."""
    if found is not None:
        return _go_on(found, wanted)
    if wanted.force or (vacant and not wanted.output_exists):
        return Opening.BEGIN
    if wanted.output_exists:
        return Refused(f"{wanted.output_name} exists", "name another output with -o, or say --force to replace it")
    return Refused(
        f"{wanted.output_name}.partial exists, without the state that belongs to it",
        "move it away, name another output with -o, or say --force to replace it",
    )


def _go_on(found: BatchState, wanted: Wanted) -> Opening | Refused:
    batch = found.terms.batch
    if found.source.fingerprint == wanted.fingerprint and found.bus == wanted.bus:
        return Opening.RESUME
    if wanted.force:
        return Opening.BEGIN
    if found.bus != wanted.bus:
        return Refused(
            f"{wanted.output_name} was begun as {batch} on {found.bus}, this is {wanted.bus}",
            "use the config it was begun with, another output with -o, or abandon it with --force",
        )
    return Refused(
        f"{wanted.output_name} was begun as {batch} from other lines than {wanted.input_name} has now",
        "restore the input, name another output with -o, or abandon the unfinished batch with --force",
    )
