"""`headgate config`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.group()
def config() -> None:
    """Check and describe the config file."""


@config.command()
@config_option
@format_option
def check(*, config_file: Path | None, form: str) -> int:
    """Check the config without starting anything, and list its models."""
    from .config_check import check_config  # noqa: PLC0415 - help must not wait for it

    return check_config(config_file, form)


@config.command()
def schema() -> int:
    """Print the JSON Schema of the config file, for editors."""
    from .config_check import print_schema  # noqa: PLC0415 - help must not wait for it

    return print_schema()
