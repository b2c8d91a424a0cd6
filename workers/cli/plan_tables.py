"""What `headgate plan` prints."""

from typing import Final

from ...reporting.tables import Cell, Column, Kind, Table
from ...routing.forecast.dry_run import Forecast
from ...routing.forecast.outlook import Load, Outlook, where_of
from ...routing.forecast.reasons import Reasons
from ...schemas.failures import Failure

_MS: Final = 1000
_SECOND: Final = 1_000_000


def _columns(**kinds: Kind) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


_LOADS: Final = _columns(
    model=Kind.TEXT,
    deployment=Kind.TEXT,
    provider=Kind.TEXT,
    upstream_model=Kind.TEXT,
    requests=Kind.COUNT,
    deferred=Kind.COUNT,
    refused=Kind.COUNT,
    input_tokens=Kind.COUNT,
    output_tokens=Kind.COUNT,
    worst_output_tokens=Kind.COUNT,
    cost=Kind.MONEY,
    worst_cost=Kind.MONEY,
    seconds=Kind.COUNT,
)
_REFUSED: Final = _columns(code=Kind.TEXT, refused=Kind.COUNT, for_example=Kind.TEXT)
_WAITS: Final = _columns(limit=Kind.TEXT, waiting=Kind.COUNT, longest_wait_seconds=Kind.COUNT)
#: Of a request.
EACH: Final = _columns(
    line=Kind.COUNT,
    custom_id=Kind.TEXT,
    key=Kind.TEXT,
    model=Kind.TEXT,
    deployment=Kind.TEXT,
    provider=Kind.TEXT,
    upstream_model=Kind.TEXT,
    input_tokens=Kind.COUNT,
    output_tokens=Kind.COUNT,
    worst_output_tokens=Kind.COUNT,
    cost=Kind.MONEY,
    worst_cost=Kind.MONEY,
    begins_ms=Kind.COUNT,
    ends_ms=Kind.COUNT,
    limit=Kind.TEXT,
    code=Kind.TEXT,
    why=Kind.TEXT,
    left_out=Kind.TEXT,
)


def load_table(outlook: Outlook) -> Table:
    """Return a row for every deployment, and for what goes nowhere, by model."""
    rows = [(*where, *_figures(load, outlook.now_us)) for where, load in sorted(outlook.loads.items())]
    return Table(_LOADS, tuple(rows), (None, None, None, None, *_figures(outlook.total, outlook.now_us)))


def _figures(load: Load, now_us: int) -> tuple[Cell, ...]:
    return (
        load.requests,
        load.deferred,
        load.refused,
        load.input_tokens,
        load.output_tokens,
        load.worst_output_tokens,
        load.cost,
        load.worst_cost,
        max(0, -(-(load.ends_us - now_us) // _SECOND)),
    )


def refused_table(outlook: Outlook) -> Table:
    """Return a row for every code, the most frequent first."""
    cases = sorted(outlook.refused.items(), key=lambda each: (-each[1].count, each[0]))
    return Table(_REFUSED, tuple((code, case.count, sentence(case.example)) for code, case in cases))


def waits_table(outlook: Outlook) -> Table:
    """Return a row for every limit that somebody waits for, the longest wait first."""
    waits = sorted(outlook.waits.items(), key=lambda each: (-each[1].longest_us, each[0]))
    return Table(_WAITS, tuple((name, each.count, -(-each.longest_us // _SECOND)) for name, each in waits))


def each_row(line: int, forecast: Forecast, now_us: int, reasons: Reasons) -> tuple[Cell, ...]:
    """Return a request's row."""
    where, asked, estimate = where_of(forecast), forecast.asked, forecast.estimate
    known = estimate is not None
    return (
        line,
        asked.custom_id,
        asked.key,
        *where,
        estimate.input if estimate is not None else None,
        estimate.output if estimate is not None else None,
        estimate.worst_output if estimate is not None else None,
        forecast.cost_nano if known else None,
        forecast.worst_nano if known else None,
        (forecast.begins_us - now_us) // _MS if known else None,
        (forecast.ends_us - now_us) // _MS if known else None,
        forecast.limit,
        None if forecast.failure is None else forecast.failure.code,
        reasons.why(forecast) if forecast.failure is None else sentence(forecast.failure),
        "; ".join(reasons.left_out(forecast)),
    )


def sentence(why: Failure) -> str:
    """Spell a failure on one line."""
    expected = "" if why.expected is None else f" Expected {why.expected}"
    given = "" if why.given is None else f", got {why.given}" if expected else f" Got {why.given}"
    return f"{why.message}{expected}{given}{'.' if expected or given else ''}"
