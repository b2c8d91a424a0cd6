"""What a person sees while a batch runs: a bar on a terminal, a line now and then elsewhere. All on stderr."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

import click

from ...producers.facts import BatchFacts
from ...producers.progress import Meter, Progress, spell_seconds
from .spelling import spell_progress

_LINE_SECONDS: Final = 5.0
_BAR_SECONDS: Final = 0.1
#: So long without an answer is worth a word.
_QUIET_SECONDS: Final = 30.0


class Display(AbstractContextManager["Display"], Protocol):
    """Watches a batch, and takes notes in between."""

    def changed(self, facts: BatchFacts) -> None:
        """Show how it stands, if it is time to."""
        ...

    def note(self, text: str) -> None:
        """Say something that shall stay."""
        ...


class Patience:
    """Says once what to do when nothing happens, and again after the next silence."""

    def __init__(self, advice: str, say: Callable[[str], None]) -> None:
        self._advice = advice
        self._say = say
        self._said = False

    def look(self, progress: Progress) -> None:
        """Say it if it is time to."""
        waiting = progress.quiet >= _QUIET_SECONDS and not (progress.counted and progress.answered >= progress.lines)
        if waiting and not self._said:
            full = ", and the bus has no room" if progress.full else ""
            self._say(f"no answer for {spell_seconds(progress.quiet)}{full}: {self._advice}")
        self._said = waiting


class Lines(Display):
    """A line every few seconds."""

    def __init__(self, advice: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meter = Meter(clock())
        self._next = clock() + _LINE_SECONDS
        self._patience = Patience(advice, self.note)

    def changed(self, facts: BatchFacts) -> None:
        """Write a line if the last one is old."""
        now = self._clock()
        progress = self._meter.read(facts, now)
        self._patience.look(progress)
        if now >= self._next:
            self.note(spell_progress(progress))
            self._next = now + _LINE_SECONDS

    def note(self, text: str) -> None:
        """Write it."""
        click.echo(text, err=True)

    def __exit__(self, *_: object) -> None:
        """Nothing is to be cleared."""


def make_display(advice: str) -> Display:
    """Return what suits stderr."""
    if not sys.stderr.isatty():
        return Lines(advice)
    from .bar import Bar  # noqa: PLC0415 - who has no terminal needs no rich

    return Bar(advice)
