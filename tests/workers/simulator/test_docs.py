"""The page on the simulator says what is there, and what it shows is what happens."""

import contextlib
import doctest
import importlib
import io
import re
from pathlib import Path

import msgspec
import pytest

from headgate.workers.simulator import Entry, Kind, Outcome
from headgate.workers.simulator.command import simulate
from headgate.workers.simulator.faults import parse_fault

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
#: The first column of every table, each of whose words is in backquotes.
FIRST_COLUMN = {
    word for row in re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE) for word in re.findall(r"`([^`]+)`", row)
}


def test_every_fault_is_in_the_table():
    assert set(Kind) <= FIRST_COLUMN


def test_every_fault_of_the_table_can_be_asked_for():
    numbers = {"MS": "5", "S": "5", "CODE": "500"}
    section = PAGE[PAGE.index("## Faults") : PAGE.index("### Three ways")]
    for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE):
        for spelled in re.findall(r"`([^`]+)`", row):
            parse_fault(re.sub(r"\b(MS|S|CODE)\b", lambda match: numbers[match[0]], spelled))


def test_every_field_and_outcome_of_the_books_is_described():
    assert {field.name for field in msgspec.structs.fields(Entry)} <= FIRST_COLUMN
    assert set(Outcome) <= FIRST_COLUMN


def test_every_option_that_the_page_names_exists():
    options = {name for parameter in simulate.params for name in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= options


def test_the_example_does_what_the_page_shows():
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    [shown] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(example, "docs/simulator.md", "exec"), {})
    assert printed.getvalue() == shown


@pytest.mark.parametrize("name", ["faults", "latency", "tokens"])
def test_the_examples_in_docstrings_hold(name):
    module = importlib.import_module(f"headgate.workers.simulator.{name}")
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
