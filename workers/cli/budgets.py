"""`headgate budgets`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.group()
def budgets() -> None:
    """Look at budgets, and fill their store anew."""


@budgets.command("list")
@config_option
@format_option
def list_(*, config_file: Path | None, form: str) -> int:
    """Tell of each budget what is settled, held and free in its window of now.

    Budgets of end users and of values of metadata are told once they are used.
    """
    from .budgets_told import tell  # noqa: PLC0415 - help must not wait for it

    return tell(config_file, form)


@budgets.command()
@config_option
def rebuild(*, config_file: Path | None) -> int:
    """Fill the store anew from the ledger, and wait until workers may spend again.

    Never needed: the recorder does it by itself when it finds the store empty. Nobody spends meanwhile. Where no
    recorder runs, the usage topic is read to its end as a recorder does.
    """
    from .budgets_rebuilt import rebuild as filled  # noqa: PLC0415 - help must not wait for it

    return filled(config_file)
