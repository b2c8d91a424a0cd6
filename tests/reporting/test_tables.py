"""Tables for people are aligned, tables for programs are exact."""

import csv
import datetime as dt
import io
import json

from headgate.reporting.cost import Cost, CostReport, Dimension, Group
from headgate.reporting.tables import Column, Format, Kind, Table, render

_TABLE = Table(
    columns=(
        Column("key", Kind.TEXT),
        Column("day", Kind.TEXT),
        Column("input_tokens", Kind.COUNT),
        Column("cost", Kind.MONEY),
    ),
    rows=(
        ("rag", dt.date(2026, 1, 2), 1_234_567, 12_500_000_000),
        (None, dt.date(2026, 1, 3), 0, 42),
    ),
    total=(None, None, 1_234_567, 12_500_000_042),
)


def test_a_table_is_aligned_and_ends_with_its_total():
    assert render(_TABLE) == (
        "key    day         input tokens           cost\n"
        "─────  ──────────  ────────────  ─────────────\n"
        "rag    2026-01-02     1,234,567         $12.50\n"
        "-      2026-01-03             0   $0.000000042\n"
        "─────  ──────────  ────────────  ─────────────\n"
        "total                 1,234,567  $12.500000042\n"
    )


def test_csv_has_exact_dollars_and_nano_dollars_and_no_total_that_could_be_summed():
    assert list(csv.DictReader(io.StringIO(render(_TABLE, Format.CSV)))) == [
        {
            "key": "rag",
            "day": "2026-01-02",
            "input_tokens": "1234567",
            "cost_usd": "12.500000000",
            "cost_nano": "12500000000",
        },
        {"key": "", "day": "2026-01-03", "input_tokens": "0", "cost_usd": "0.000000042", "cost_nano": "42"},
    ]


def test_json_has_dollars_as_text_because_its_numbers_are_floats():
    document = json.loads(render(_TABLE, Format.JSON))
    assert document["rows"][0] == {
        "key": "rag",
        "day": "2026-01-02",
        "input_tokens": 1_234_567,
        "cost_usd": "12.500000000",
        "cost_nano": 12_500_000_000,
    }
    assert document["rows"][1]["key"] is None
    assert document["total"] == {"input_tokens": 1_234_567, "cost_usd": "12.500000042", "cost_nano": 12_500_000_042}


def test_money_survives_beyond_what_a_float_can_hold():
    nano = 123_456_789_012_345_678_901
    table = Table((Column("cost", Kind.MONEY),), ((nano,),))
    assert render(table).splitlines()[-1] == "$123,456,789,012.345678901"
    assert "123456789012.345678901" in render(table, Format.CSV)
    assert json.loads(render(table, Format.JSON)) == {
        "rows": [{"cost_usd": "123456789012.345678901", "cost_nano": nano}]
    }


def test_a_name_cannot_move_the_cursor_of_a_terminal():
    table = Table((Column("key", Kind.TEXT),), (("a\x1b[2Jb\n",),))
    assert render(table).splitlines()[-1] == "a�[2Jb�"


def test_a_table_without_rows_still_has_its_head():
    assert render(Table((Column("key", Kind.TEXT), Column("cost", Kind.MONEY)), ())) == "key  cost\n───  ────\n"


def test_a_report_becomes_a_table_with_its_dimensions_first():
    cost = Cost(3, 4, 2, 1, 1, 0, 100, 10, 20, 5_000_000_000)
    report = CostReport((Dimension.KEY,), (Group(("rag",), cost),), cost)
    head, _, row, _, total = render(report.table()).splitlines()
    assert " ".join(head.split()) == (
        "key requests attempts succeeded failed uncertain refused input tokens cached tokens output tokens cost"
    )
    assert row.split() == ["rag", "3", "4", "2", "1", "1", "0", "100", "10", "20", "$5.00"]
    assert total.split() == ["total", *row.split()[1:]]


def test_a_report_without_dimensions_is_its_total_once():
    cost = Cost(3, 4, 2, 1, 1, 0, 100, 10, 20, 5_000_000_000)
    assert len(render(CostReport((), (Group((), cost),), cost).table()).splitlines()) == 3
