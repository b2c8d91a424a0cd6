"""What several commands have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .exits import Status

_F = TypeVar("_F", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv")


def config_option(command: _F) -> _F:
    """Add `--config`."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The config file; default: $HEADGATE_CONFIG, else ./headgate.yaml, else none.",
    )(command)


def format_option(command: _F) -> _F:
    """Add `--format`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How the data on stdout is written.",
    )(command)


def wishes_options(command: _F) -> _F:
    """Add what may be said of all requests of a file."""
    lane = click.option(
        "--lane", type=click.Choice(["urgent", "standard", "bulk"]), help="Their priority; default: defaults.lane."
    )
    key = click.option("--key", help="Who asks, unless a line says it; default: defaults.key.")
    deadline = click.option(
        "--deadline", metavar="WHEN", help="Until when: 90s, 2h, or a time with its zone; default: defaults.deadline."
    )
    key_file = click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="What the key is proved with: a file with its private key, or with its secret.",
    )
    return lane(key(key_file(deadline(command))))


class BadUsage(click.ClickException):
    """What the user asked for cannot be done as asked; the message says what to do instead."""

    exit_code = Status.BAD_USAGE

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem}\nHint: {hint}" if hint else problem)


class OurFault(click.ClickException):
    """Something that is needed does not work."""

    exit_code = Status.OUR_FAULT
