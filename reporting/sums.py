"""What was used, told apart by time and by whoever pays: what a store of limits and budgets is filled from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from .sql import statement

_DIMENSIONS: Final = "/* dimensions */"
_BOUND: Final = "/* bound */"
#: Columns of `usage` that sums can be told apart by; they go into the SQL as they are.
COLUMNS: Final = ("key", "workspace", "org", "end_user", "model", "deployment", "provider")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the ledger, answered by one scan."""

    #: Moments between which sums are told apart, unix microseconds, rising. What is before the first does not count.
    bounds: Sequence[int]
    #: Some of `COLUMNS`.
    columns: Sequence[str] = ()
    #: Fields of the metadata.
    fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """One group of usage events."""

    #: The last bound that is not after its events.
    bound: int
    #: Column → value, for the columns that were asked for.
    values: Mapping[str, str | None]
    #: Metadata field → value, where events have one.
    metadata: Mapping[str, str]
    input_tokens: int
    output_tokens: int
    cost_nano: int
    #: Calls of attempts that were answered, or may have been.
    answered: int
    #: Calls of all attempts.
    made: int
    #: Calls of attempts that were the first of their run: a request takes its rates by number once a run.
    firsts: int


def sums(connection: duckdb.DuckDBPyConnection, question: Question) -> list[Sum]:
    """Ask. Raises `ValueError` for a column that there is none of."""
    unknown = set(question.columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"expected columns among {', '.join(COLUMNS)}, got {', '.join(sorted(unknown))}")
    if not question.bounds:
        return []
    fields = {f"field_{number}": field for number, field in enumerate(question.fields)}
    rows = connection.execute(_text(question, fields), {"since": question.bounds[0], **fields}).fetchall()
    return [_sum(question, row) for row in rows]


def _text(question: Question, fields: Mapping[str, str]) -> str:
    dimensions = [f'"{column}"' for column in question.columns]
    dimensions += [f"metadata[${name}] AS {name}" for name in fields]
    # Comparing a row with each bound in turn is faster than any join on so few of them.
    cases = " ".join(f"WHEN ts >= make_timestamp({int(bound)}) THEN {int(bound)}" for bound in question.bounds[:0:-1])
    first = int(question.bounds[0])
    bound = f"CASE {cases} ELSE {first} END" if cases else str(first)
    head = "".join(f"{name}, " for name in dimensions)
    return statement("sums").replace(_DIMENSIONS, head).replace(_BOUND, f"CAST({bound} AS BIGINT)")


def _sum(question: Question, row: tuple[Any, ...]) -> Sum:
    columns, fields = len(question.columns), len(question.fields)
    named = zip(question.fields, row[columns : columns + fields], strict=True)
    return Sum(
        row[columns + fields],
        dict(zip(question.columns, row[:columns], strict=True)),
        {field: value for field, value in named if value is not None},
        *row[columns + fields + 1 :],
    )
