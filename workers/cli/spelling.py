"""Progress in words, for lines and for the bar."""

from ...producers.progress import Progress, spell_seconds
from ...schemas.money import NANO_PER_USD, show_usd

#: Ten-thousandths of a dollar: more digits jump about, and say nothing before the end.
_GRAIN = NANO_PER_USD // 10_000


def spell_progress(progress: Progress) -> str:
    """Spell it all in one line: `1,200 of 1,319 answered, 3 failed, 110/s, $0.12, 2 s left`."""
    about = "" if progress.counted else "about "
    parts = [f"{progress.answered:,} of {about}{progress.lines:,} answered", *spell_failed(progress)]
    if progress.rate:
        parts.append(spell_rate(progress.rate))
    parts.append(spell_cost(progress.cost_nano))
    if progress.remaining:
        parts.append(f"{spell_seconds(progress.remaining)} left")
    return ", ".join(parts)


def spell_failed(progress: Progress) -> list[str]:
    """Spell the failed ones, if there are any."""
    return [f"{progress.failed:,} failed"] if progress.failed else []


def spell_rate(rate: float) -> str:
    """Spell answers per second.

    >>> spell_rate(1234.5), spell_rate(0.25)
    ('1,234/s', '0.2/s')
    """
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def spell_cost(nano: int) -> str:
    """Spell what has been spent so far, rounded down to a hundredth of a cent.

    >>> spell_cost(1_234_567_890), spell_cost(99)
    ('$1.2345', '$0.00')
    """
    return show_usd(nano // _GRAIN * _GRAIN)
