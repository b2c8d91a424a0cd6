"""What can be said of a running batch at any moment, and who wants to hear it."""

from dataclasses import dataclass
from typing import Protocol

from .batch_state import Totals


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """A batch at one moment."""

    batch: str
    #: Of the lines that have their answer.
    totals: Totals
    #: Lines that have been submitted or answered; less than the truth while a resumed file is being read again.
    passed: int
    #: Lines there are; an upper bound until `counted`.
    lines: int
    #: The whole file has been read.
    counted: bool
    #: The bus has no room at the moment.
    full: bool = False

    @property
    def complete(self) -> bool:
        """Every line has its answer."""
        return self.counted and self.totals.answered >= self.lines


class Watcher(Protocol):
    """Hears how a batch goes on. Called often: it decides itself what to show."""

    def changed(self, facts: BatchFacts) -> None:
        """Hear that something was submitted or answered, or that nothing was for a moment."""
        ...


class Nobody:
    """Watches nothing."""

    def changed(self, facts: BatchFacts) -> None:
        """Look away."""
