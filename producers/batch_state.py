"""What must be known to go on with a batch after any interruption; one small JSON file, always whole."""

from pathlib import Path
from typing import Final

import msgspec

from ..schemas.reply import Reply, Status, Tokens
from .files import write_whole
from .fingerprint import Fingerprint
from .terms import Terms

_VERSION: Final = 1


class Totals(msgspec.Struct, frozen=True):
    """The sum over the replies of a batch."""

    completed: int = 0
    failed: int = 0
    cost_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def answered(self) -> int:
        """Lines that have their answer."""
        return self.completed + self.failed

    def plus(self, reply: Reply) -> "Totals":
        """Add one reply; everything but `completed` counts as failed."""
        completed = reply.headgate.status is Status.COMPLETED
        tokens: Tokens = reply.headgate.tokens
        return Totals(
            self.completed + completed,
            self.failed + (not completed),
            self.cost_nano + reply.headgate.cost_nano,
            self.input_tokens + tokens.input,
            self.output_tokens + tokens.output,
        )


class Source(msgspec.Struct, frozen=True):
    """The file that a batch was made from."""

    path: str
    fingerprint: Fingerprint


class BatchState(msgspec.Struct, frozen=True):
    """The batch as it was at the last checkpoint; what is counted here, the spool holds."""

    terms: Terms
    source: Source
    #: Which bus the batch is on, for comparison only: on another one it would be paid for again.
    bus: str
    #: Where the replies that the spool does not have begin.
    cursor: str
    #: When it was begun, unix milliseconds.
    started_ms: int
    #: Bytes of the spool that belong to this checkpoint.
    spool_bytes: int = 0
    totals: Totals = Totals()
    #: Lines that are not blank, once the whole file has been read and submitted.
    lines: int | None = None
    #: Where the answers of a collected batch are; nothing is left to do.
    output: str | None = None
    #: Where the answers of an unfinished batch were written meanwhile; that file may be written again.
    draft: str | None = None
    version: int = _VERSION

    @property
    def complete(self) -> bool:
        """Every line has its answer, and the spool holds it."""
        return self.lines is not None and self.totals.answered >= self.lines


class StateUnreadableError(Exception):
    """The state file is damaged, or of another version of Headgate."""


_decoder = msgspec.json.Decoder(BatchState)


def load_state(path: Path) -> BatchState | None:
    """Return the state, None if there is none; raises `StateUnreadableError` and OSError."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        state = _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise StateUnreadableError(f"{path}: expected the state of a batch, got something else: {error}") from error
    if state.version != _VERSION:
        raise StateUnreadableError(f"{path}: expected version {_VERSION} of the state, got {state.version}")
    return state


def save_state(path: Path, state: BatchState) -> None:
    """Replace the state durably; raises OSError."""
    write_whole(path, [msgspec.json.format(msgspec.json.encode(state), indent=1), b"\n"])
