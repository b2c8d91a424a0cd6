"""What `headgate replay` prints."""

from typing import Final

from ...reporting.tables import Cell, Column, Kind, Table
from ...routing.forecast.comparison import Comparison, Delays, Pair

_FIGURES: Final = (
    Column("served", Kind.COUNT),
    Column("deferred", Kind.COUNT),
    Column("refused", Kind.COUNT),
    Column("failed_cost", Kind.MONEY),
    Column("cost", Kind.MONEY),
    Column("replayed_served", Kind.COUNT),
    Column("replayed_deferred", Kind.COUNT),
    Column("replayed_refused", Kind.COUNT),
    Column("replayed_cost", Kind.MONEY),
    Column("difference", Kind.MONEY),
)
_CODES: Final = (
    Column("code", Kind.TEXT),
    Column("refused", Kind.COUNT),
    Column("replayed_refused", Kind.COUNT),
)
_DELAYS: Final = (
    Column("side", Kind.TEXT),
    Column("deferred", Kind.COUNT),
    Column("p50_ms", Kind.COUNT),
    Column("p99_ms", Kind.COUNT),
    Column("longest_ms", Kind.COUNT),
)


def pairs_table(comparison: Comparison) -> Table:
    """Return a row for every group, the dearest first; without groups its one row is the total."""
    total = _figures(comparison.total)
    if not comparison.by:
        return Table(_FIGURES, (total,))
    columns = (*(Column(by.value, Kind.TEXT) for by in comparison.by), *_FIGURES)
    groups = sorted(comparison.groups.items(), key=_dearest_first)
    rows = tuple((*values, *_figures(pair)) for values, pair in groups)
    return Table(columns, rows, (*(None for _ in comparison.by), *total))


def _dearest_first(group: tuple[tuple[str, ...], Pair]) -> tuple[int, tuple[str, ...]]:
    values, pair = group
    return -max(pair.recorded.cost, pair.replayed.cost), values


def _figures(pair: Pair) -> tuple[Cell, ...]:
    was, would = pair.recorded, pair.replayed
    return (
        was.served,
        was.deferred,
        was.refused,
        was.others,
        was.cost,
        would.served,
        would.deferred,
        would.refused,
        would.cost,
        would.cost - was.cost,
    )


def codes_table(comparison: Comparison) -> Table:
    """Return a row for every code by which requests were refused, or would be."""
    codes = sorted(comparison.codes.items(), key=lambda each: (-max(each[1]), each[0]))
    return Table(_CODES, tuple((code, *counts) for code, counts in codes))


def delays_table(comparison: Comparison) -> Table:
    """Return how long deferred requests waited, on both sides."""
    sides = (("recorded", comparison.recorded_delays), ("replayed", comparison.replayed_delays))
    return Table(_DELAYS, tuple((name, *_delays(delays)) for name, delays in sides if len(delays)))


def _delays(delays: Delays) -> tuple[int, ...]:
    return len(delays), *(wait // 1000 for wait in delays.quantiles(0.5, 0.99, 1.0))
