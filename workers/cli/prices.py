"""`headgate prices`."""

import datetime as dt
from pathlib import Path

import click

from .options import config_option, format_option

#: UTC where it says no zone.
_WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.group()
def prices() -> None:
    """Look up prices, and compare them."""


@prices.command()
@click.argument("model")
@click.option("--provider", help="Whose price; default: of everybody that the config or the list knows.")
@click.option("--at", "at", type=_WHEN, metavar="DATE", help="At which time, UTC: prices change. Default: now.")
@config_option
@format_option
def show(*, model: str, provider: str | None, at: dt.datetime | None, config_file: Path | None, form: str) -> int:
    """Tell what a model costs, USD per million tokens, exact.

    MODEL is a model of the config, a deployment's id, a provider's name of a model, or provider/model. There is a line
    for each service tier, and for each length of the input from which everything costs more.
    """
    from .prices_shown import show_prices  # noqa: PLC0415 - help must not wait for it

    return show_prices(config_file, form, model, provider=provider, at=at)


@prices.command()
@click.option("--from", "since", type=_WHEN, metavar="DATE", help="Compare the list's prices of this time, UTC.")
@click.option("--to", "until", type=_WHEN, metavar="DATE", help="With those of this time; default: now.")
@click.option("--ledger", "by_ledger", is_flag=True, help="Compare what was booked with the prices of today.")
@config_option
@format_option
def diff(
    *, since: dt.datetime | None, until: dt.datetime | None, by_ledger: bool, config_file: Path | None, form: str
) -> int:
    """Compare prices: the config's with the list's, or the list's of two days, or the ledger's with today's.

    With --ledger every group of rows is priced again at what its deployment costs now, on the tier that served it.
    """
    from .prices_compared import compare_prices  # noqa: PLC0415 - help must not wait for it

    return compare_prices(config_file, form, since=since, until=until, by_ledger=by_ledger)
