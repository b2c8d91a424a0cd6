"""What `headgate prices diff` says."""

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import click

from ...reporting.tables import Format, Table, render
from ...routing.price_differences import differences
from ...routing.price_list import GenaiPrices
from ...routing.prices import Price
from ...schemas.config import Config
from .exits import Status
from .options import BadUsage
from .price_lines import texts, unix_us, usd
from .priced import PriceBook
from .settled import settings_to_look

_Row = tuple[str, ...]
_WHAT = ("service_tier", "input_above", "kind")


def compare_prices(
    config_file: Path | None, form: str, *, since: dt.datetime | None, until: dt.datetime | None, by_ledger: bool
) -> Status:
    """Print what differs: in the ledger, between two times, or between the config and the list."""
    config = settings_to_look(config_file).config
    if by_ledger:
        from .prices_booked import compare_booked  # noqa: PLC0415 - who asks for no ledger need not wait for DuckDB

        return compare_booked(config, form, _us(since), _us(until))
    if since is None and until is not None:
        raise BadUsage("expected --from beside --to", "say from when: --from 2026-01-01")
    prices = GenaiPrices.load()
    if since is None:
        table = _with_list(PriceBook(config, prices))
    else:
        table = _between(config, prices, unix_us(since), _us(until))
    click.echo(f"US dollars per million tokens, {prices.version}", err=True)
    click.echo(render(table, Format(form)), nl=False)
    return Status.DONE


def _us(when: dt.datetime | None) -> int | None:
    return None if when is None else unix_us(when)


def _with_list(book: PriceBook) -> Table:
    """Compare what the config says with the list; a deployment without any price is told."""
    rows: list[_Row] = []
    for each in book.deployments():
        if each.price is None:
            hint = "give it one: price: {input: 0.10, output: 0.40}"
            click.echo(f"{each.deployment}: no price is known of {each.model} at {each.provider}; {hint}", err=True)
        rows += [(each.deployment, each.provider, each.model, *row) for row in _rows(each.listed, each.price)]
    return Table(texts("deployment", "provider", "model", *_WHAT, "list", "config", "change"), tuple(rows))


def _between(config: Config, prices: GenaiPrices, since: int, until: int | None) -> Table:
    """Compare two times: of the config's deployments, or of the whole list where there are none."""
    then = PriceBook(config, prices, since)
    pairs = [(each.provider, each.model) for each in then.deployments()] or [*prices.listed()]
    rows = [
        (provider, model, *row)
        for provider, model in dict.fromkeys(pairs)
        for row in _rows(prices.find(provider, model, since), prices.find(provider, model, until))
    ]
    return Table(texts("provider", "model", *_WHAT, "before", "after", "change"), tuple(rows))


def _rows(before: Price | None, after: Price | None) -> Iterator[_Row]:
    for each in differences(before, after):
        values = [usd(rate) for rate in (each.before, each.after)]
        yield each.service_tier, f"{each.above}" if each.above else "", each.kind, *values, _change(each.ratio)


def _change(ratio: Fraction | None) -> str:
    """Spell a ratio as a change in per cent, to a tenth.

    >>> _change(Fraction(1, 2)), _change(Fraction(3, 2)), _change(None)
    ('-50.0%', '+50.0%', '')
    """
    return "" if ratio is None else f"{float(ratio - 1):+.1%}"
