"""The command tree: quick to answer, said the same everywhere, wrong usage told apart from our faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headgate.producers.logbook import Order
from headgate.reporting.cost import Dimension
from headgate.reporting.tables import Format
from headgate.schemas.topics import Lane
from headgate.workers.cli import main
from headgate.workers.cli.options import FORMATS
from headgate.workers.cli.program import COMMANDS, program
from headgate.workers.cli.report import DIMENSIONS

_ROOT = Path(__file__).parents[3]
_HEAVY = (
    "pydantic",
    "duckdb",
    "redis",
    "aiokafka",
    "faststream",
    "aiohttp",
    "httpx",
    "rich",
    "msgspec",
    "yaml",
    "asyncio",
)


def commands(group=program, path=()):
    """Yield every command of the tree with its path."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    return tmp_path


def call(capsys, *arguments):
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_help_imports_nothing_heavy_and_takes_less_than_300_milliseconds():
    code = (
        "import sys, resource\n"
        "from headgate.workers.cli import main\n"
        "status = main(['--help'])\n"
        f"heavy = [name for name in {_HEAVY} if name in sys.modules]\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(status, heavy, used.ru_utime + used.ru_stime, file=sys.stderr)\n"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        status, heavy, used = (
            done.stderr.split(" ", 2)[0],
            done.stderr[2:].rsplit(" ", 1)[0],
            done.stderr.rsplit(" ", 1)[1],
        )
        assert (status, heavy) == ("0", "[]")
        seconds.append(float(used))
    assert "Answer a file of requests, here and now." in done.stdout
    assert min(seconds) < 0.3


@pytest.mark.parametrize("name", ["run", "worker", "report", "config"])
def test_the_help_of_a_command_imports_none_of_its_work(name):
    code = f"import sys\nfrom headgate.workers.cli import main\nmain([{name!r}, '--help'])\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "duckdb", "redis", "aiohttp"} & set(done.stdout.split())


def test_summaries_are_the_first_sentences_of_the_commands():
    for name, entry in COMMANDS.items():
        command = program.get_command(click.Context(program), name)
        assert command.name == name
        first = command.help.split("\n\n")[0].replace("\n", " ")
        assert (first + " ").split(". ")[0].rstrip(".") + "." == entry.summary


def test_every_command_and_option_has_a_word_of_help():
    for path, command in commands():
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.name)
                assert parameter.help.endswith("."), (path, parameter.name)


def test_every_command_and_option_is_documented():
    page = (_ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = dict(part.split("\n", 1) for part in page.split("\n## `headgate ")[1:])
    for path, command in commands():
        if isinstance(command, click.Group):
            continue
        title = " ".join(path) + "`"
        assert title in sections, f"docs/cli.md has no section for headgate {title}"
        for parameter in command.params:
            is_option = isinstance(parameter, click.Option)
            for name in (*parameter.opts, *parameter.secondary_opts):
                told = f"`{name}" if is_option else name.upper()
                assert told in sections[title], f"headgate {title}: {name} is not documented"


def test_no_option_is_documented_that_does_not_exist():
    page = (_ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    known = {
        name for _, command in commands() for each in command.params for name in (*each.opts, *each.secondary_opts)
    }
    written = {word.strip("`|,.:;()[]").split("=")[0] for word in page.split() if word.startswith("`--")}
    assert written <= {*known, "--help", "--version"}


def test_choices_are_those_of_the_rooms_that_know_them():
    assert list(DIMENSIONS) == [dimension.value for dimension in Dimension]
    assert set(FORMATS) == set(Format)
    tree = dict(commands())
    choices = {each.name: each.type.choices for each in tree["run",].params if isinstance(each.type, click.Choice)}
    assert list(choices["order"]) == [order.value for order in Order]
    assert list(choices["lane"]) == [lane.value for lane in Lane]


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("run",),
        ("run", "no-such-file", "-o", "x"),
        ("report", "cost", "--by", "colour"),
        ("report", "cost", "--since", "yesterday"),
        ("report", "cost"),
        ("collect", "batch-1", "-o", "x"),
        ("config", "check", "--config", "no-such-file.yaml"),
        ("worker", "--operations-port", "70000"),
    ],
)
def test_bad_usage_has_status_2_and_says_what_was_expected(here, capsys, arguments):
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "rror" in err
    assert "Traceback" not in err


def test_config_errors_name_file_and_line(here, capsys):
    (here / "headgate.yaml").write_text("ledger: {path: x}\nlimits:\n  in_flight: many\n")
    status, out, err = call(capsys, "config", "check")
    assert (status, out) == (2, "")
    assert "headgate.yaml:3:14: limits.in_flight: expected a whole number, got 'many'" in err


def test_config_check_lists_models_with_their_prices(here, capsys, monkeypatch):
    monkeypatch.setenv("KEY", "secret-value")
    (here / "headgate.yaml").write_text(
        "providers: {openai: {base_url: 'https://api.openai.com/v1', api_key: os.environ/KEY}}\n"
        "models:\n"
        "  - name: small\n"
        "    deployments:\n"
        "      - {id: a, provider: openai, model: gpt-4o-mini}\n"
        "      - {id: b, provider: openai, model: our-own, price: {input: 0.25, output: 2}}\n"
        "      - {id: c, provider: openai, model: never-heard-of}\n"
    )
    status, out, err = call(capsys, "config", "check", "--format", "json")
    assert (status, err) == (0, "headgate.yaml: fine\n")
    rows = {row["deployment"]: row for row in json.loads(out)["rows"]}
    assert (rows["a"]["input_usd"], rows["a"]["output_usd"]) == ("0.15", "0.6")
    assert rows["a"]["price_source"].startswith("genai-prices")
    assert (rows["b"]["input_usd"], rows["b"]["output_usd"], rows["b"]["price_source"]) == ("0.25", "2", "config")
    assert (rows["c"]["input_usd"], rows["c"]["price_source"]) == ("", "unknown")
    assert "secret-value" not in out + err


def test_a_provider_that_nobody_knows_is_a_bad_config(here, capsys):
    (here / "headgate.yaml").write_text("providers: {mine: {api_key: x}}\n")
    status, _, err = call(capsys, "config", "check")
    assert status == 2
    assert "providers.mine: expected a base_url" in err


def test_config_schema_is_the_documented_one(here, capsys):
    status, out, _ = call(capsys, "config", "schema")
    assert status == 0
    assert out == (_ROOT / "docs" / "schemas" / "config.json").read_text(encoding="utf-8")


def test_the_report_of_a_ledger_that_does_not_exist_says_what_to_do(here, capsys):
    status, _, err = call(capsys, "report", "cost")
    assert status == 2
    assert "headgate.duckdb" in err
    assert "run something first" in err
    assert list(here.iterdir()) == []


def test_a_reader_that_goes_away_is_no_disaster():
    command = [sys.executable, "-m", "headgate.workers.cli", "config", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait() == 1


def test_versions_are_told(capsys):
    status, out, _ = call(capsys, "--version")
    assert (status, out.split()[0]) == (0, "headgate,")


def test_the_examples_are_all_requests_and_all_different(tmp_path):
    from headgate.producers.input_file import Submission, read_lines  # noqa: PLC0415 - only here
    from support.batches import TERMS  # noqa: PLC0415 - only here

    found = list(read_lines(_ROOT / "examples" / "requests.jsonl", TERMS))
    assert len(found) == 199
    assert all(isinstance(each, Submission) for each in found)


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "headgate.workers.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "Commands:" in done.stdout
    assert CliRunner().invoke(program, ["--help"]).exit_code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_output_that_finds_no_room_is_our_fault_and_no_traceback():
    with Path("/dev/full").open("wb") as full:
        command = (sys.executable, "-m", "headgate.workers.cli", "providers", "list")
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("name", ["", "  "])
def test_nothing_cannot_be_cancelled(here, capsys, name):
    status, _, err = call(capsys, "cancel", name)
    assert status == 2
    assert "expected the id of a batch or of a request, got nothing" in err
    assert not (here / ".headgate").exists()


def test_without_budgets_nobody_waits_for_a_recorder(here, capsys):
    status, _, err = call(capsys, "budgets", "list")
    assert (status, err) == (0, "No limits and no budgets are in the config.\n")
