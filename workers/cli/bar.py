"""The progress bar on a terminal."""

import time
from collections.abc import Callable
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from ...producers.facts import BatchFacts
from ...producers.progress import Meter, Progress, spell_seconds
from .display import Display, Patience
from .spelling import spell_cost, spell_failed, spell_rate

_SECONDS: Final = 0.1


class Bar(Display):
    """A line that is redrawn ten times a second; notes stand above it."""

    def __init__(
        self, advice: str, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._meter = Meter(clock())
        self._next = 0.0
        self._patience = Patience(advice, self.note)
        columns = (BarColumn(), TextColumn("{task.description}", markup=False))
        self._rich = RichProgress(*columns, console=console or Console(stderr=True), auto_refresh=False)
        self._task: TaskID = self._rich.add_task("", total=None)

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rich.stop()

    def changed(self, facts: BatchFacts) -> None:
        """Redraw the line if the last drawing is old, or the batch is complete."""
        now = self._clock()
        if now < self._next and not facts.complete:
            return
        self._next = now + _SECONDS
        progress = self._meter.read(facts, now)
        self._patience.look(progress)
        self._rich.update(
            self._task, completed=progress.answered, total=progress.lines, description=_spell(progress), refresh=True
        )

    def note(self, text: str) -> None:
        """Write it above the bar."""
        self._rich.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _spell(progress: Progress) -> str:
    about = "" if progress.counted else "~"
    parts = [f"{progress.answered:,}/{about}{progress.lines:,}", *spell_failed(progress)]
    if progress.rate:
        parts.append(spell_rate(progress.rate))
    parts.append(spell_cost(progress.cost_nano))
    if progress.remaining:
        parts.append(f"ETA {spell_seconds(progress.remaining)}")
    return "  ".join(parts)
