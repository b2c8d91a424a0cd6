"""From facts to what a person wants to know: how fast, how much longer, what it costs. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from .facts import BatchFacts

#: A rate is taken over at most this long, seconds: short enough to follow a change, long enough not to jump.
_SPAN: Final = 15.0
#: Samples closer together than this add nothing.
_GRAIN: Final = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch's progress, ready to be shown."""

    answered: int
    failed: int
    lines: int
    #: `lines` is the number of lines, not an upper bound.
    counted: bool
    cost_nano: int
    #: Answers per second; None while nothing can be said.
    rate: float | None
    #: Seconds; None while nothing can be said.
    remaining: float | None
    #: Seconds since the last answer.
    quiet: float
    full: bool


class Meter:
    """Remembers enough of the past to know the present pace. Times are seconds of any steady clock."""

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._moved_at = now

    def read(self, facts: BatchFacts, now: float) -> Progress:
        """Note the facts and return what follows from them and from earlier ones."""
        totals = facts.totals
        self._note(totals.answered, now)
        rate = self._rate()
        left = max(0, facts.lines - totals.answered)
        return Progress(
            answered=totals.answered,
            failed=totals.failed,
            lines=facts.lines,
            counted=facts.counted,
            cost_nano=totals.cost_nano,
            rate=rate,
            remaining=left / rate if rate else None,
            quiet=now - self._moved_at,
            full=facts.full,
        )

    def _note(self, answered: int, now: float) -> None:
        samples = self._samples
        if samples and answered != samples[-1][1]:
            self._moved_at = now
        if len(samples) > 1 and now - samples[-2][0] < _GRAIN:
            samples.pop()
        samples.append((now, answered))
        while len(samples) > 2 and samples[1][0] <= now - _SPAN:
            samples.popleft()

    def _rate(self) -> float | None:
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        return (after - before) / (ended - began) if ended - began >= _GRAIN else None


def spell_seconds(seconds: float) -> str:
    """Spell a duration: `42 s`, `7 min 5 s`, `3 h 20 min`.

    >>> spell_seconds(0.4), spell_seconds(425), spell_seconds(12_000)
    ('0 s', '7 min 5 s', '3 h 20 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
