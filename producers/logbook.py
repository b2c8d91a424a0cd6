"""What a batch knows of itself, on disk: the state and the spool, which move together.

Order is everything. Answers reach the spool first, then the state counts them and moves the cursor, and only then may
the bus forget them. A crash between any two steps repeats some answers, which are recognised, and loses none.
"""

import enum
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..schemas.reply import Reply, output_line
from .batch_state import BatchState, Totals, load_state, save_state
from .files import write_whole
from .ids import line_of
from .spool import Spool


class Order(enum.StrEnum):
    """How the lines of the output file are ordered."""

    #: As in the input file.
    INPUT = "input"
    #: As the answers came.
    COMPLETED = "completed"


class Places(msgspec.Struct, frozen=True):
    """Where the files of an unfinished batch lie."""

    state: Path
    spool: Path

    @classmethod
    def beside(cls, output: Path) -> "Places":
        """Return the places for a batch whose output file is known from the start."""
        return cls(output.with_name(f"{output.name}.state.json"), output.with_name(f"{output.name}.partial"))

    @classmethod
    def under(cls, folder: Path, batch: str) -> "Places":
        """Return the places for a batch that is collected later."""
        return cls(folder / f"{batch}.json", folder / f"{batch}.partial")


class Logbook:
    """The open logbook of one batch."""

    def __init__(self, places: Places, spool: Spool, state: BatchState) -> None:
        self._places = places
        self._spool = spool
        self._state = state
        self._totals = state.totals

    @property
    def state(self) -> BatchState:
        """As of the last checkpoint."""
        return self._state

    @property
    def totals(self) -> Totals:
        """As of now."""
        return self._totals

    def has(self, line: int) -> bool:
        """Say whether `line` has its answer."""
        return self._spool.has(line)

    def take(self, line: int, reply: Reply) -> bool:
        """Keep the answer to `line`, the first one for good; say whether this was it."""
        if self._spool.has(line):
            return False
        self._spool.append(line, output_line(reply))
        self._totals = self._totals.plus(reply)
        return True

    def checkpoint(self, cursor: str, lines: int | None) -> None:
        """Make durable what was taken before `cursor`, and how many lines there are once that is known."""
        size = self._spool.sync()
        changed = {"cursor": cursor, "lines": lines, "totals": self._totals, "spool_bytes": size}
        self._save(msgspec.structs.replace(self._state, **changed))

    def _save(self, state: BatchState) -> None:
        save_state(self._places.state, state)
        self._state = state

    def write(self, output: Path, order: Order) -> None:
        """Write the answers of the last checkpoint; the file is replaced in one step."""
        by_line = order is Order.INPUT
        write_whole(output, self._spool.in_input_order() if by_line else self._spool.as_completed())

    def forget(self) -> None:
        """Remove all traces of the batch: its output is written."""
        self._places.state.unlink(missing_ok=True)
        self._spool.remove()

    def write_draft(self, output: Path, order: Order) -> None:
        """Write the answers so far, to a file that will be written again."""
        self._save(msgspec.structs.replace(self._state, draft=str(output)))
        self.write(output, order)

    def retire(self, output: Path) -> None:
        """Remove the spool, and keep in the state where the output is."""
        self._save(msgspec.structs.replace(self._state, output=str(output)))
        self._spool.remove()

    def close(self) -> None:
        """Let go; what came after the last checkpoint comes again."""
        self._spool.close()


class Claim:
    """The places of a batch, ours alone from here on; what is found there decides how to go on.

    Raises `SpoolBusyError`, `StateUnreadableError` and OSError.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        places.spool.parent.mkdir(parents=True, exist_ok=True)
        self._spool = Spool(places.spool)
        self._handed_over = False
        try:
            self.state = load_state(places.state)
        except BaseException:
            self._spool.close()
            raise

    @property
    def is_vacant(self) -> bool:
        """Nothing of a batch is here."""
        return self.state is None and self._spool.size == 0

    def begin(self, state: BatchState) -> Logbook:
        """Begin a new batch; whatever was here is gone."""
        self._spool.recover(0, _nobody)
        save_state(self._places.state, state)
        self._handed_over = True
        return Logbook(self._places, self._spool, state)

    def resume(self, state: BatchState) -> Logbook:
        """Go on with the batch that was found; raises `SpoolDamagedError`."""
        self._spool.recover(state.spool_bytes, _line_reader(state.terms.batch))
        self._handed_over = True
        return Logbook(self._places, self._spool, state)

    def close(self) -> None:
        """Go away and leave everything as it was found, unless it was handed over to a logbook."""
        if self._handed_over:
            return
        if self.is_vacant or (self.state is not None and self.state.output is not None):
            self._spool.remove()
        self._spool.close()


class _Id(msgspec.Struct, frozen=True):
    id: str


_id = msgspec.json.Decoder(_Id)


def _line_reader(batch: str) -> Callable[[bytes], int | None]:
    def line(answer: bytes) -> int | None:
        try:
            return line_of(batch, _id.decode(answer).id) if answer.endswith(b"\n") else None
        except msgspec.DecodeError:
            return None

    return line


def _nobody(_: bytes) -> int | None:
    return None
