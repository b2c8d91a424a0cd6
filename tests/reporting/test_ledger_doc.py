"""docs/ledger.md says what is so: its SQL runs, and its tables are the schema."""

import re
from pathlib import Path

import pytest

from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.schemas.usage import Outcome
from support.ledgers import NEW_YEAR_US, a_slice, a_value

_TEXT = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"\n(\S[^\n]*\?)\n\n```sql\n(.*?)```", _TEXT, re.DOTALL)
_NOVEMBER_US = NEW_YEAR_US + 310 * 86_400_000_000


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    path = tmp_path_factory.mktemp("doc") / "headgate.duckdb"
    with Ledger.open(path) as ledger:
        values = [a_value(number, ts=_NOVEMBER_US + number) for number in range(10)]
        values += [a_value(10, request_id="request-1", outcome=Outcome.UNCERTAIN, ts=_NOVEMBER_US, code="interrupted")]
        ledger.append([a_slice(*values)])
    with open_for_reading(path) as opened:
        yield opened


@pytest.mark.parametrize(("question", "text"), _EXAMPLES, ids=[question for question, _ in _EXAMPLES])
def test_an_example_runs_and_finds_something(reader, question, text):
    assert question
    rows = reader.rows(text)
    assert rows
    assert all(value is not None for value in rows[0])


def test_there_are_examples():
    assert len(_EXAMPLES) == 6
    assert _TEXT.count("```sql") == len(_EXAMPLES)


def test_every_column_is_in_the_table_with_its_type_and_in_its_order(reader):
    documented = re.findall(r"^\| `(\w+)` \| ([A-Z]+(?:\(VARCHAR, VARCHAR\))?) \|", _TEXT, re.MULTILINE)
    assert documented == reader.rows(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'usage' ORDER BY column_index"
    )


def test_the_other_tables_are_in_the_table_with_all_their_columns(reader):
    tables = reader.rows(
        "SELECT table_name, string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns()"
        " WHERE NOT internal AND table_name NOT LIKE 'usage%' GROUP BY ALL ORDER BY ALL"
    )
    documented = re.findall(r"^\| `(\w+)` \| ((?:`\w+`[^|,]*,? ?)+) \|", _TEXT, re.MULTILINE)
    assert sorted((name, ", ".join(re.findall(r"`(\w+)`", columns))) for name, columns in documented) == tables


def test_the_view_has_the_type_that_is_said(reader):
    assert reader.rows("SELECT typeof(cost_usd) FROM usage_usd LIMIT 1") == [("DECIMAL(18,9)",)]
    assert "cost_usd DECIMAL(18, 9)" in _TEXT
