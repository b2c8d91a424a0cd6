"""The command tree. A command's module is imported when the command is used: `headgate --help` answers at once."""

import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import click

from .exits import Status

#: What a disk says, or what stdout leads to, when it takes no more.
_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


class Command(NamedTuple):
    """Where a command is."""

    module: str
    name: str
    #: The first sentence of its help; a test holds the two together.
    summary: str


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "run": Command("run", "run", "Answer a file of requests, here and now."),
        "submit": Command("submit", "submit", "Put a file of requests on the bus and return."),
        "collect": Command("collect", "collect", "Take the answers of a submitted batch off the bus."),
        "cancel": Command("cancel", "cancel", "Call for no more of a batch, or for one request no more."),
        "plan": Command("plan", "plan", "Tell what a file would cost and take, without calling anyone."),
        "replay": Command("replay", "replay", "Run what the ledger has recorded against another config."),
        "report": Command("report", "report", "Ask the ledger."),
        "up": Command("up", "up", "Keep the embedded stack running until Ctrl-C."),
        "worker": Command("worker", "worker", "Run a gateway worker until it is told to stop."),
        "recorder": Command("recorder", "recorder", "Append usage to the ledger until told to stop."),
        "simulate": Command(
            "..simulator.command", "simulate", "Answer as an OpenAI-compatible provider would, without one."
        ),
        "keys": Command("keys", "keys", "Make, change and list virtual keys."),
        "budgets": Command("budgets", "budgets", "Look at budgets, and fill their store anew."),
        "providers": Command("providers", "providers", "Look up providers, and check those of the config."),
        "prices": Command("prices", "prices", "Look up prices, and compare them."),
        "config": Command("config", "config", "Check, describe and import the config file."),
    }
)


class Program(click.Group):
    """The group of all commands, which knows their names and summaries and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = entry.module if entry.module.startswith(".") else f".{entry.module}"
        command: click.Command = getattr(importlib.import_module(module, __package__), entry.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="headgate", prog_name="headgate")
def program() -> None:
    """Headgate, the gate between event streams and paid LLM APIs.

    Queue in, exactly one reply and an exact ledger out.
    """


def _without_output() -> Status:
    """Let nothing that could not be written be flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Status.OUR_FAULT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    try:
        status: object = program.main(args=arguments, prog_name="headgate", standalone_mode=False)
    except click.exceptions.Abort:
        return Status.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:  # whoever read our output has gone
        return _without_output()
    except OSError as error:
        if error.errno not in _DISK:
            raise
        click.echo(f"Error: {error}", err=True)
        return _without_output()
    return status if isinstance(status, int) else Status.DONE
