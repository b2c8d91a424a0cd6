"""A table that is written row by row says the same as one that is written at once."""

import io
import json

import pytest

from headgate.reporting.row_stream import RowStream
from headgate.reporting.tables import Column, Format, Kind, Table, render, render_all

COLUMNS = (Column("key", Kind.TEXT), Column("tokens", Kind.COUNT), Column("cost", Kind.MONEY))
ROWS = (("rag", 1_234, 12_500_000_000), (None, 0, 42), ('a,"b"\n', None, None))


def streamed(form, rows=ROWS):
    file = io.StringIO()
    with RowStream(COLUMNS, form, file) as stream:
        for row in rows:
            stream.row(row)
    return file.getvalue()


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ()])
def test_programs_read_the_same(rows):
    table = Table(COLUMNS, rows)
    assert streamed(Format.CSV, rows) == render(table, Format.CSV)
    assert json.loads(streamed(Format.JSON, rows)) == json.loads(render(table, Format.JSON))


def test_people_read_columns():
    assert streamed(Format.TABLE, ROWS[:2]) == (
        "key                   tokens        cost\n"
        "────────────────  ──────────  ──────────\n"
        "rag                    1,234      $12.50\n"
        "-                          0  $0.000000042\n"
    )


def test_what_went_wrong_does_not_look_whole():
    file = io.StringIO()
    stream = RowStream(COLUMNS, Format.JSON, file)
    stream.row(ROWS[0])
    stream.__exit__(RuntimeError, RuntimeError(), None)
    with pytest.raises(json.JSONDecodeError):
        json.loads(file.getvalue())


def test_an_amount_that_is_not_known_has_both_of_its_cells():
    assert streamed(Format.CSV, ROWS[2:]).splitlines()[-1] == '",,,'


def test_tables_that_explain_another_stand_below_it_or_beside_its_rows_or_nowhere():
    table, other, empty = Table(COLUMNS, ROWS[:1]), Table(COLUMNS[:1], (("x",),)), Table(COLUMNS, ())
    others = {"more": other, "none": empty}
    assert render_all(table, others, Format.TABLE) == f"{render(table)}\n{render(other)}"
    assert render_all(table, others, Format.CSV) == render(table, Format.CSV)
    document = json.loads(render_all(table, others, Format.JSON))
    assert (document["more"], document["none"]) == ([{"key": "x"}], [])
