"""What a person sees while a batch runs, and at its end."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from headgate.producers.batch_state import Totals
from headgate.producers.facts import BatchFacts
from headgate.reporting.ledger import Ledger
from headgate.reporting.tables import Format
from headgate.workers.cli.bar import Bar
from headgate.workers.cli.display import Lines
from headgate.workers.cli.exits import Status
from headgate.workers.cli.ledger_cost import cost_in_ledger
from headgate.workers.cli.spelling import spell_cost
from headgate.workers.cli.stack_notes import StackNotes
from headgate.workers.cli.summary import Summary
from headgate.workers.stack.ownership import Owner
from support.ledgers import a_slice, a_value


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def facts(completed, failed=0, *, lines=1000, counted=True, cost=0, full=False):
    totals = Totals(completed, failed, cost, 10 * completed, 3 * completed)
    return BatchFacts("batch-x", totals, completed + failed, lines, counted, full)


def test_a_line_is_written_every_five_seconds_and_not_more_often(capsys):
    clock = Clock()
    with Lines("wake it up", clock) as display:
        for tenth in range(120):
            clock.now = 100 + tenth / 10
            display.changed(facts(10 * tenth, 2 * tenth, lines=3000, cost=tenth * 1_234_567))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "600 of 3,000 answered, 100 failed, 120/s, $0.0617, 20 s left",
        "1,200 of 3,000 answered, 200 failed, 120/s, $0.1234, 15 s left",
    ]


def test_an_upper_bound_is_not_sold_as_a_count(capsys):
    clock = Clock()
    display = Lines("", clock)
    clock.now += 10
    display.changed(facts(0, counted=False))
    assert capsys.readouterr().err == "0 of about 1,000 answered, $0.00\n"


def test_silence_is_explained_once_and_again_after_the_next_one(capsys):
    clock = Clock()
    display = Lines("is a worker running?", clock)
    for now, answered in [(131, 0), (170, 0), (171, 1), (202, 1), (203, 1)]:
        clock.now = float(now)
        display.changed(facts(answered, full=True))
    said = [line for line in capsys.readouterr().err.splitlines() if "no answer" in line]
    assert said == [
        "no answer for 31 s, and the bus has no room: is a worker running?",
        "no answer for 31 s, and the bus has no room: is a worker running?",
    ]


def test_a_complete_batch_is_not_called_silent(capsys):
    clock = Clock()
    display = Lines("is a worker running?", clock)
    display.changed(facts(1000))
    clock.now += 60
    display.changed(facts(1000))
    assert "no answer" not in capsys.readouterr().err


def test_the_bar_shows_how_far_how_fast_and_how_dear_it_is_and_notes_stay_above_it():
    clock, screen = Clock(), io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with Bar("wake it up", console, clock) as bar:
        bar.changed(facts(0))
        clock.now += 2
        bar.changed(facts(490, 10, cost=1_500_000_000))
        bar.note("worker [was] ended; it is started again")
        clock.now += 0.01
        bar.changed(facts(491, 10))
    text = screen.getvalue()
    assert "500/1,000  10 failed  250/s  $1.50  ETA 2 s" in text
    assert "501/1,000" not in text, "it was drawn again within a tenth of a second"
    assert "worker [was] ended; it is started again\n" in text


def test_the_last_state_is_drawn_however_soon_it_comes():
    clock, screen = Clock(), io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with Bar("", console, clock) as bar:
        bar.changed(facts(1))
        bar.changed(facts(1000))
    assert "1,000/1,000" in screen.getvalue()


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "$0.00"), (99_999, "$0.00"), (100_000, "$0.0001"), (1_999_999_999, "$1.9999")]
)
def test_money_so_far_has_no_more_digits_than_can_be_read(nano, text):
    assert spell_cost(nano) == text


def summary(completed, failed, *, lines=10, booked=None):
    return Summary.of(facts(completed, failed, lines=lines, cost=70), Path("out.jsonl"), 65.2, booked)


def test_the_summary_says_what_there_is_and_where_to_look():
    text = summary(9, 1, booked=1_230_000_000).render(Format.TABLE)
    assert text == (
        "9 completed, 1 failed, $1.23 (90 tokens in, 27 out) in 1 min 5 s\n"
        "The answers are in out.jsonl; `headgate report cost --batch batch-x` tells what they cost.\n"
    )


def test_the_summary_for_programs_is_one_exact_row():
    (row,) = json.loads(summary(9, 1, booked=1_230_000_001).render(Format.JSON))["rows"]
    assert row == {
        "batch": "batch-x",
        "state": "complete",
        "output": "out.jsonl",
        "lines": 10,
        "completed": 9,
        "failed": 1,
        "input_tokens": 90,
        "output_tokens": 27,
        "cost_usd": "1.230000001",
        "cost_nano": 1_230_000_001,
        "milliseconds": 65_200,
    }


def test_without_a_ledger_of_ours_the_cost_is_what_the_replies_say():
    assert summary(9, 1).cost == 70


def test_an_unfinished_batch_has_no_summary_for_people_but_one_for_programs():
    unfinished = summary(3, 1)
    assert unfinished.render(Format.TABLE) == ""
    assert json.loads(unfinished.render(Format.JSON))["rows"][0]["state"] == "unfinished"
    assert unfinished.how_to_go_on(["run", "my file", "-o", "out"]) == (
        "4 of 10 answered, nothing is lost; to go on, say the same again:\n  headgate run 'my file' -o out"
    )


@pytest.mark.parametrize(
    ("completed", "failed", "status"), [(10, 0, Status.DONE), (9, 1, Status.SOME_FAILED), (3, 1, Status.INTERRUPTED)]
)
def test_the_exit_status_says_how_it_ended(completed, failed, status):
    assert summary(completed, failed).status is status


def test_only_what_is_not_as_it_should_be_is_told_of_a_stack():
    said = []
    notes = StackNotes(said.append)
    notes.stack_is_ours()
    notes.part_ready("worker", 1, "http://here")
    notes.part_lost("worker", "was ended by SIGKILL", 0.2)
    notes.stack_is_shared(Owner(os.getpid(), "up"))
    notes.stack_is_shared(Owner(2**22 + 1, "run"))
    notes.stack_is_shared(None)
    assert said == [
        "worker was ended by SIGKILL; it is started again in 0.2 s",
        f"using the stack of `headgate up`, process {os.getpid()}",
        "waiting for the worker of an earlier command to finish its calls",
        "waiting for the worker of an earlier command to finish its calls",
    ]


def test_the_cost_is_the_ledgers_unless_it_is_somebody_elses(tmp_path):
    """A snapshot may be older than the batch: 500 answers for nothing, said a run beside another recorder."""
    batch, file = "batch-20261122-161824-nnxf5hwp", tmp_path / "headgate.duckdb"
    with Ledger.open(file) as ledger:
        ledger.publish()
        ledger.append([a_slice(a_value(1, batch=batch, cost_nano=7))])
        assert cost_in_ledger(file, batch) is None
    assert cost_in_ledger(file, batch) == 7
    assert cost_in_ledger(tmp_path / "none.duckdb", batch) is None
