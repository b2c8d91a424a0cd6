"""`plan` and `replay` as a user meets them: one file that is planned, run, and replayed under another config."""

import csv
import json
import os
import subprocess

import pytest

from headgate.reporting.ledger import Ledger
from headgate.routing.forecast.comparison import By
from headgate.workers.cli import main
from headgate.workers.cli.replay import BY
from support.checkout import ROOT
from support.cluster import HEADGATE, line, write_lines
from support.ledgers import a_slice, a_value

EXAMPLES = ROOT / "examples" / "requests.jsonl"
OTHER = """
providers: {openai: {api_key: os.environ/OPENAI_API_KEY}}
models:
  - {name: gpt-4o-mini, deployments: [{id: nano, provider: openai, model: n, price: {input: 1000, output: 2000}}]}
  - {name: gpt-4.1-mini, deployments: [{id: tiny, provider: openai, model: t, price: {input: 1, output: 2}}]}
keys:
  - {id: local, budgets: [{requests: 20, per: total, at_limit: refuse}]}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "value")
    return tmp_path


def headgate(*arguments, cwd):
    environ = {**os.environ, "OPENAI_API_KEY": "value"}
    done = subprocess.run([HEADGATE, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.timeout(300)
def test_a_file_is_planned_run_and_replayed(here):
    planned = headgate("plan", EXAMPLES, "--format", "json", cwd=here)
    assert planned.returncode == 0, planned.stderr
    assert list(here.iterdir()) == []  # nothing was started, and nothing is left behind
    plan = json.loads(planned.stdout)
    assert (plan["total"]["requests"], plan["total"]["refused"], plan["codes"]) == (199, 0, [])
    run = headgate("run", EXAMPLES, "-o", "out.jsonl", "--format", "json", cwd=here)
    (spent,) = json.loads(run.stdout)["rows"]
    assert spent["cost_nano"] <= plan["total"]["worst_cost_nano"]
    same = json.loads(headgate("replay", "--format", "json", "--since", "1d", cwd=here).stdout)
    total = same["total"]
    assert (total["served"] + total["deferred"], total["replayed_served"]) == (199, 199)
    assert total["cost_nano"] == total["replayed_cost_nano"] == spent["cost_nano"]
    assert {row["difference_nano"] for row in same["rows"]} == {0}
    (here / "other.yaml").write_text(OTHER)
    other = headgate("replay", "--config", "other.yaml", "--by", "deployment", "--format", "json", cwd=here)
    document = json.loads(other.stdout)
    codes = {row["code"]: (row["refused"], row["replayed_refused"]) for row in document["codes"]}
    assert codes == {"model_not_found": (0, 43), "budget_exceeded": (0, 136)}
    sent = {row["deployment"]: row["replayed_served"] for row in document["rows"] if row["replayed_served"]}
    assert set(sent) <= {"nano", "tiny"}
    assert sum(sent.values()) == 20
    assert "156 requests have another price here" not in other.stderr
    assert "20 requests have another price here" in other.stderr


def test_rows_for_each_request_are_data_and_all_else_is_on_stderr(here, capsys):
    lines = [*(line(nr) for nr in range(3)), {"custom_id": "wrong"}, line(1), line(9, model="no-such-model")]
    write_lines(here / "in.jsonl", lines)
    status = main(["plan", "in.jsonl", "--each", "--format", "csv"])
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(out.splitlines()))
    assert status == 3
    assert [row["custom_id"] for row in rows] == [each["custom_id"] for each in lines]
    assert [row["code"] for row in rows] == ["", "", "", "invalid_request", "duplicate_id", "model_not_found"]
    assert all((row["deployment"] == "") == (row["code"] != "") for row in rows)
    assert "3 requests would be answered, 3 refused" in err
    assert main(["plan", "in.jsonl", "--each"]) == 3
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + len(lines)


def test_json_rows_for_no_request_at_all_are_json(here, capsys):
    (here / "in.jsonl").touch()
    assert main(["plan", "in.jsonl", "--each", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": []}


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "in.jsonl", "--config", "no-such-file.yaml"),
        ("plan", "in.jsonl", "--deadline", "soon"),
        ("plan", "in.jsonl", "--tokens-per-second", "0"),
        ("replay",),
        ("replay", "--since", "yesterday"),
        ("replay", "--by", "colour"),
    ],
)
def test_bad_usage_has_status_2(here, capsys, arguments):
    (here / "in.jsonl").touch()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "rror" in err


@pytest.mark.parametrize(
    ("period", "count"),
    [
        ((), 3),
        (("--since", "2026-01-01T00:00:01Z"), 2),
        (("--since", "2026-01-01", "--until", "2026-01-01T00:00:02+00:00"), 2),
        (("--since", "500ms"), 0),
        (("--until", "0.5s"), 3),
    ],
)
def test_a_period_is_a_time_or_a_duration_back_from_now(here, capsys, period, count):
    with Ledger.open(here / "l.duckdb") as ledger:
        ledger.append([a_slice(*(a_value(1_000 * nr) for nr in range(3)))])
    assert main(["replay", "--ledger", "l.duckdb", "--format", "csv", "--total", *period]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert int(row["served"]) == count


def test_the_choices_are_those_of_the_room_that_knows_them():
    assert list(BY) == [by.value for by in By]


def test_a_provider_that_is_only_named_is_planned_for_without_its_variable(here, monkeypatch, capsys):
    monkeypatch.delenv("OPENAI_API_KEY")
    models = "[{name: small, deployments: [{id: a, provider: openai, model: gpt-4o-mini}]}]"
    (here / "headgate.yaml").write_text(f"providers: {{openai: {{}}}}\nmodels: {models}\n")
    write_lines(here / "in.jsonl", [line(0, model="small")])
    assert main(["plan", "in.jsonl", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["deployment"] == "a"
