"""Tables as text: aligned for people, CSV and JSON for programs. Money is exact in all of them."""

import csv
import datetime as dt
import enum
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from ..schemas.money import show_usd, usd

Cell = str | int | dt.date | None

_GAP: Final = "  "


class Kind(enum.Enum):
    """What a column holds."""

    #: Names and dates, aligned to the left.
    TEXT = enum.auto()
    #: Whole numbers.
    COUNT = enum.auto()
    #: Nano-dollars. Programs get two columns: exact dollars (`_usd`) and nano-dollars (`_nano`).
    MONEY = enum.auto()


class Format(enum.StrEnum):
    """How a table is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and kind."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows, and a last row that sums them up."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None


def render(table: Table, form: Format = Format.TABLE) -> str:
    """Return the table as text that ends with a newline. CSV has no total: a sum among the rows would be summed."""
    match form:
        case Format.TABLE:
            return _aligned(table)
        case Format.CSV:
            return _csv(table)
        case Format.JSON:
            return _json(table)
        case _:
            assert_never(form)


def _aligned(table: Table) -> str:
    head = [column.name.replace("_", " ") for column in table.columns]
    body = [[shown_cell(column, cell) for column, cell in _cells(table, row)] for row in table.rows]
    foot = [] if table.total is None else [_summed(table, table.total)]
    widths = [max(map(len, texts)) for texts in zip(head, *body, *foot, strict=True)]
    rule = _GAP.join("─" * width for width in widths)
    lines = [_line(table, widths, head), rule, *(_line(table, widths, row) for row in body)]
    lines += [rule, *(_line(table, widths, row) for row in foot)] if foot else []
    return "\n".join(lines) + "\n"


def _summed(table: Table, total: Sequence[Cell]) -> list[str]:
    texts = ["" if cell is None else shown_cell(column, cell) for column, cell in _cells(table, total)]
    if texts and total[0] is None:
        texts[0] = "total"
    return texts


def _line(table: Table, widths: Sequence[int], texts: Sequence[str]) -> str:
    cells = (
        text.ljust(width) if column.kind is Kind.TEXT else text.rjust(width)
        for column, width, text in zip(table.columns, widths, texts, strict=True)
    )
    return _GAP.join(cells).rstrip()


def shown_cell(column: Column, cell: Cell) -> str:
    """Return a cell as people read it, on one line."""
    if cell is None or cell == "":
        return "-"
    if not isinstance(cell, int):
        return "".join(char if char.isprintable() else "�" for char in str(cell))
    return show_usd(cell) if column.kind is Kind.MONEY else f"{cell:,}"


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(plain_names(table.columns))
    writer.writerows(plain_row(table.columns, row).values() for row in table.rows)
    return text.getvalue()


def _json(table: Table) -> str:
    return json.dumps(_document(table), ensure_ascii=False, indent=2) + "\n"


def _document(table: Table) -> dict[str, object]:
    document: dict[str, object] = {"rows": [plain_row(table.columns, row) for row in table.rows]}
    if table.total is not None:
        total = plain_row(table.columns, table.total).items()
        document["total"] = {name: value for name, value in total if value is not None}
    return document


def render_all(table: Table, others: Mapping[str, Table], form: Format) -> str:
    """Return a table with others that explain it: below it for people, by name in one document, and not in CSV."""
    shown = {name: other for name, other in others.items() if other.rows}
    match form:
        case Format.TABLE:
            return "\n".join((_aligned(table), *map(_aligned, shown.values())))
        case Format.CSV:
            return _csv(table)
        case Format.JSON:
            document = _document(table)
            for name, other in others.items():
                document[name] = [plain_row(other.columns, row) for row in other.rows]
            return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        case _:
            assert_never(form)


def plain_names(columns: Sequence[Column]) -> Iterator[str]:
    """Return what programs call the columns."""
    for column in columns:
        yield from (f"{column.name}_usd", f"{column.name}_nano") if column.kind is Kind.MONEY else (column.name,)


def plain_row(columns: Sequence[Column], row: Sequence[Cell]) -> dict[str, str | int | None]:
    """Return the cells by name, as programs want them: dollars as a decimal text, because a JSON number is a float."""
    values: dict[str, str | int | None] = {}
    for column, cell in zip(columns, row, strict=True):
        if column.kind is Kind.MONEY:
            values[f"{column.name}_usd"] = f"{usd(cell):.9f}" if isinstance(cell, int) else None
            values[f"{column.name}_nano"] = cell if isinstance(cell, int) else None
        else:
            values[column.name] = str(cell) if isinstance(cell, dt.date) else cell
    return values


def _cells(table: Table, row: Sequence[Cell]) -> Iterator[tuple[Column, Cell]]:
    return zip(table.columns, row, strict=True)
