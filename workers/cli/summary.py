"""The last word on a batch."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...producers.batch_state import Totals
from ...producers.facts import BatchFacts
from ...producers.progress import spell_seconds
from ...reporting.tables import Cell, Column, Format, Kind, Table, render
from ...schemas.money import show_usd
from .exits import Status


@dataclass(frozen=True, slots=True)
class Summary:
    """How a batch stands when its command ends."""

    batch: str
    complete: bool
    #: An upper bound until the whole file has been read.
    lines: int
    totals: Totals
    #: Nano-dollars.
    cost: int
    seconds: float
    output: Path

    @classmethod
    def of(cls, facts: BatchFacts, output: Path, seconds: float, booked: int | None) -> Self:
        """Sum up; `booked` is the cost by the ledger, where it is known."""
        cost = facts.totals.cost_nano if booked is None else booked
        return cls(facts.batch, facts.complete, facts.lines, facts.totals, cost, seconds, output)

    def spelled(self) -> str:
        """Spell it for people."""
        totals = self.totals
        tokens = f"{totals.input_tokens:,} tokens in, {totals.output_tokens:,} out"
        return (
            f"{totals.completed:,} completed, {totals.failed:,} failed, {show_usd(self.cost)} ({tokens}) "
            f"in {spell_seconds(self.seconds)}\n"
            f"The answers are in {self.output}; "
            f"`headgate report cost --batch {self.batch}` tells what they cost.\n"
        )

    def table(self) -> Table:
        """Return it for programs: one row."""
        cells: dict[str, Cell] = {
            "batch": self.batch,
            "state": "complete" if self.complete else "unfinished",
            "output": str(self.output),
            "lines": self.lines,
            "completed": self.totals.completed,
            "failed": self.totals.failed,
            "input_tokens": self.totals.input_tokens,
            "output_tokens": self.totals.output_tokens,
            "cost": self.cost,
            "milliseconds": round(self.seconds * 1000),
        }
        texts, money = {"batch", "state", "output"}, {"cost"}
        kinds = {name: Kind.TEXT if name in texts else Kind.MONEY if name in money else Kind.COUNT for name in cells}
        return Table(tuple(Column(name, kinds[name]) for name in cells), (tuple(cells.values()),))

    def render(self, form: Format) -> str:
        """Return what goes to stdout."""
        if form is Format.TABLE:
            return self.spelled() if self.complete else ""
        return render(self.table(), form)

    @property
    def answered(self) -> str:
        """How far it is."""
        return f"{self.totals.answered:,} of {self.lines:,} answered"

    def how_to_go_on(self, arguments: list[str]) -> str:
        """Say how to resume; `arguments` are those of this command."""
        return f"{self.answered}, nothing is lost; {same_again(arguments)}"

    @property
    def status(self) -> Status:
        """The exit status of a command that waited for the end."""
        if not self.complete:
            return Status.INTERRUPTED
        return Status.SOME_FAILED if self.totals.failed else Status.DONE


def same_again(arguments: list[str]) -> str:
    """Say that the command of these arguments goes on where it stopped."""
    return f"to go on, say the same again:\n  {shlex.join(['headgate', *arguments])}"
