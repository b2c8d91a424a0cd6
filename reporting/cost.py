"""The question behind `headgate report cost`: who spent what, on what, when."""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from .reader import Reader
from .sql import query
from .tables import Cell, Column, Kind, Table

_MARKER: Final = "/* dimensions */"
#: The first and the last moment that an append accepts, unix microseconds.
EVER: Final = (0, 253_402_300_800_000_000)


class Dimension(enum.StrEnum):
    """What costs can be told apart by."""

    KEY = "key"
    WORKSPACE = "workspace"
    MODEL = "model"
    PROVIDER = "provider"
    DEPLOYMENT = "deployment"
    BATCH = "batch"
    LANE = "lane"
    ENDPOINT = "endpoint"
    #: The UTC day on which the attempt ended.
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Cost:
    """Sums over usage events, exact. The names are the report's columns."""

    #: Different request ids. A request that was tried in two groups counts in both, so these need not add up.
    requests: int
    #: Calls to providers: all events but the refused ones.
    attempts: int
    succeeded: int
    failed: int
    #: Attempts whose end nobody knows; their tokens and cost are estimates.
    uncertain: int
    #: Requests that were turned down without an attempt.
    refused: int
    input_tokens: int
    #: Of the input tokens.
    cached_tokens: int
    output_tokens: int
    #: Nano-dollars.
    cost_nano: int


@dataclass(frozen=True, slots=True)
class Group:
    """One row of the report."""

    #: The values of the dimensions asked for, in their order; None where events have none.
    values: tuple[str | dt.date | None, ...]
    cost: Cost


@dataclass(frozen=True, slots=True)
class CostReport:
    """The answer: the dearest group first, but days in their order; and the sum of everything."""

    by: tuple[Dimension, ...]
    groups: tuple[Group, ...]
    total: Cost

    def table(self) -> Table:
        """Return the report as a table that can be rendered; without dimensions its one row is the total."""
        columns = [Column(dimension.value, Kind.TEXT) for dimension in self.by]
        columns += (Column(field.name, Kind.COUNT) for field in fields(Cost) if field.name != "cost_nano")
        columns.append(Column("cost", Kind.MONEY))
        rows = tuple((*group.values, *_figures(group.cost)) for group in self.groups)
        total = (*(None for _ in self.by), *_figures(self.total)) if self.by else None
        return Table(tuple(columns), rows, total)


def cost_by(
    reader: Reader,
    by: Iterable[Dimension] = (),
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    batch: str | None = None,
) -> CostReport:
    """Return what was spent from `since` (included) until `until` (excluded), of one batch or of all.

    Without dimensions the report has one group, which is the total. Raises `ValueError` for a time without a zone.
    """
    dimensions = tuple(dict.fromkeys(by))
    window = {"since": microseconds(since, EVER[0]), "until": microseconds(until, EVER[1]), "batch": batch}
    groups = [
        Group(tuple(row[: len(dimensions)]), Cost(*row[len(dimensions) :]))
        for row in reader.rows(_grouped(dimensions), window)
    ]
    total = groups[0].cost if not dimensions else Cost(*reader.rows(query("cost"), window)[0])
    return CostReport(dimensions, tuple(sorted(groups, key=lambda group: _rank(dimensions, group))), total)


def _grouped(dimensions: Sequence[Dimension]) -> str:
    """Put the dimensions into the query. They are members of an enum, never a caller's text."""
    names = ("CAST(ts AS DATE) AS day" if it is Dimension.DAY else f'"{it.value}"' for it in dimensions)
    return query("cost").replace(_MARKER, "".join(f"{name}, " for name in names))


def microseconds(moment: dt.datetime | None, otherwise: int) -> int:
    """Return a time as unix microseconds, or something else where there is none; raises ValueError without a zone."""
    if moment is None:
        return otherwise
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with its zone, like 2026-11-22T00:00:00Z, got {moment.isoformat()}")
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _rank(dimensions: Sequence[Dimension], group: Group) -> tuple[str, int, tuple[str, ...]]:
    day = str(group.values[dimensions.index(Dimension.DAY)]) if Dimension.DAY in dimensions else ""
    return day, -group.cost.cost_nano, tuple(str(value or "") for value in group.values)


def _figures(cost: Cost) -> tuple[Cell, ...]:
    return tuple(getattr(cost, field.name) for field in fields(Cost))
