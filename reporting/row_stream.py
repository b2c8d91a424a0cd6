"""A table of any length, written row by row: nothing of it is kept."""

import csv
import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self, TextIO, assert_never

from .tables import Cell, Column, Format, Kind, plain_names, plain_row, shown_cell

_GAP: Final = "  "
#: Columns of people's tables are at least so wide: nobody knows yet what will come.
_COUNT_WIDTH: Final = 10
_TEXT_WIDTH: Final = 16


class _Writer(Protocol):
    """One way to write rows."""

    def row(self, cells: Sequence[Cell], /) -> None: ...

    def end(self) -> None: ...


class RowStream:
    """Writes rows to a text file, with a head before the first and whatever belongs behind the last."""

    def __init__(self, columns: Sequence[Column], form: Format, file: TextIO) -> None:
        self._writer = _writer(columns, form, file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """End the table, unless something went wrong: then it shall not look whole."""
        if kind is None:
            self._writer.end()

    def row(self, cells: Sequence[Cell]) -> None:
        """Write one row."""
        self._writer.row(cells)


def _writer(columns: Sequence[Column], form: Format, file: TextIO) -> _Writer:
    match form:
        case Format.TABLE:
            return _Aligned(columns, file.write)
        case Format.CSV:
            return _Csv(columns, file)
        case Format.JSON:
            return _Json(columns, file.write)
        case _:
            assert_never(form)


class _Aligned:
    def __init__(self, columns: Sequence[Column], write: Callable[[str], object]) -> None:
        self._columns = columns
        self._write = write
        self._widths = [
            max(len(column.name), _TEXT_WIDTH if column.kind is Kind.TEXT else _COUNT_WIDTH) for column in columns
        ]
        self._line([column.name.replace("_", " ") for column in columns])
        self._line(["─" * width for width in self._widths])

    def row(self, cells: Sequence[Cell]) -> None:
        self._line([shown_cell(column, cell) for column, cell in zip(self._columns, cells, strict=True)])

    def end(self) -> None:
        return

    def _line(self, texts: Sequence[str]) -> None:
        cells = (
            text.ljust(width) if column.kind is Kind.TEXT else text.rjust(width)
            for column, width, text in zip(self._columns, self._widths, texts, strict=True)
        )
        self._write(_GAP.join(cells).rstrip() + "\n")


class _Csv:
    def __init__(self, columns: Sequence[Column], file: TextIO) -> None:
        self._columns = columns
        self._csv = csv.writer(file, lineterminator="\n")
        self._csv.writerow(plain_names(columns))

    def row(self, cells: Sequence[Cell]) -> None:
        self._csv.writerow(plain_row(self._columns, cells).values())

    def end(self) -> None:
        return


class _Json:
    def __init__(self, columns: Sequence[Column], write: Callable[[str], object]) -> None:
        self._columns = columns
        self._write = write
        self._before = '{"rows": [\n'

    def row(self, cells: Sequence[Cell]) -> None:
        self._write(self._before + json.dumps(plain_row(self._columns, cells), ensure_ascii=False))
        self._before = ",\n"

    def end(self) -> None:
        self._write(self._before if self._before != ",\n" else "")
        self._write("\n]}\n")
