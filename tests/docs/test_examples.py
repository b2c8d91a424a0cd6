"""Every example on every page is what it says it is: a command that exists, or text that parses."""

import json
import os
import re
import shlex
import subprocess

import click
import duckdb
import pytest
import yaml

from headgate.schemas.config import Config
from headgate.workers.cli.program import program
from headgate.workers.settings import Settings, load_settings
from support.checkout import ROOT
from support.pages import PAGES, blocks, prose_of

SHELL = ("console", "sh", "bash")
PARSED = ("json", "yaml", "python", "sql")
#: Run by a test of their page.
RUN = ("java",)
#: Beside those: what is printed, and diagrams.
SHOWN = ("text", "")
#: What the examples call beside `headgate`, `make` and files of the checkout.
OTHERS = {"curl", "docker", "duckdb", "kafka-topics.sh"}
#: Values that examples read from the environment.
VARIABLES = (
    "OPENAI_API_KEY",
    "OUR_OPENAI_KEY",
    "CEREBRAS_API_KEY",
    "ANTHROPIC_API_KEY",
    "COHERE_API_KEY",
    "FIRST_KEY",
    "VLLM_KEY",
    "KAFKA_PASSWORD",
)
CLOUDS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_OPENAI_API_KEY")
IMPORTED = ("AZURE_EU", "OPENAI_PROD_API_KEY", "GROQ_PROD_API_KEY")
ENVIRON = dict.fromkeys([*VARIABLES, *CLOUDS, *IMPORTED, "REDIS_PASSWORD"], "value")


def commands_of(block):
    """What is typed: after each prompt in `console`, where the rest is output; everything in a script."""
    joined = block.text.replace("\\\n", " ")
    if block.language == "console":
        joined = "\n".join(line[2:] for line in joined.splitlines() if line.startswith("$ "))
    return [command for line in joined.splitlines() for command in simple_commands(line)]


def simple_commands(line):
    """The commands of a line, without what they are assigned, redirected and piped to."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command = []
    for word in words:
        if set(word) <= set("|&;"):
            yield command
            command = []
        elif command or not re.match(r"[A-Z_]+=", word):
            command.append(word)
    if command:
        yield command


def descend(words):
    """The command that the first words name, its path and the other words."""
    command, path = program, []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found, f"headgate {' '.join(path)} has no command {words[0]}"
        command, path, words = found, [*path, words[0]], words[1:]
    return command, path, words


COMMANDS = [
    pytest.param(command, id=f"{block}: {' '.join(command)}")
    for block in blocks(*SHELL)
    for command in commands_of(block)
]


def test_there_are_pages_and_examples():
    assert {"README.md", "docs/index.md", "docs/cli.md"} <= set(PAGES)
    assert len(COMMANDS) > 20


def test_every_block_says_what_it_is():
    assert [str(block) for block in blocks() if block.language not in (*SHELL, *PARSED, *RUN, *SHOWN)] == []


@pytest.mark.parametrize("block", blocks(*SHELL), ids=str)
def test_a_shell_reads_every_script(block):
    script = block.text if block.language != "console" else "\n".join(map(shlex.join, commands_of(block)))
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert commands_of(block)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_exists(command):
    name, *rest = command
    if name == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif "/" in name:
        assert os.access(ROOT / name, os.X_OK)
    elif name == "python":
        assert rest[0] == "-m" or (ROOT / rest[0]).is_file()
    else:
        assert name in {"headgate", *OTHERS}


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.values[0][0] == "headgate"])
def test_the_command_line_takes_every_example(command, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "requests.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    words = command[1:]
    found, path, rest = descend(words)
    rest = rest[: rest.index(">")] if ">" in rest else rest
    with found.make_context(" ".join(path), rest, resilient_parsing=isinstance(found, click.Group)):
        pass


@pytest.mark.parametrize("page", PAGES)
def test_every_command_in_the_prose_exists_with_its_options(page):
    for text in re.findall(r"`headgate ([a-z][^`]*)`", prose_of(page)):
        found, _, rest = descend(shlex.split(text))
        known = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
            "--help"
        }
        assert {word.partition("=")[0] for word in rest if re.match("--?[a-z]", word)} <= known, text


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block):
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        assert [json.loads(line) for line in block.text.splitlines()]  # JSON lines


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_yaml_and_a_config_is_valid(block, tmp_path):
    read = yaml.safe_load(block.text)
    if not set(read) & set(Config.model_fields):
        return
    (tmp_path / "headgate.yaml").write_text(block.text)
    loaded = load_settings(tmp_path / "headgate.yaml", ENVIRON)
    assert isinstance(loaded, Settings), str(loaded)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python(block):
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", blocks("sql"), ids=str)
def test_sql_is_sql(block):
    assert duckdb.extract_statements(block.text)
