"""What `headgate prices show` says."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from ...reporting.tables import Format, Table, render
from ...routing.price_list import GenaiPrices
from .exits import Status
from .options import BadUsage
from .price_lines import KINDS, lengths_of, per_thousand, rates_line, texts, tiers_of, unix_us, usd
from .priced import PriceBook, Priced
from .settled import settings_to_look

_COLUMNS: Final = (
    "deployment",
    "provider",
    "model",
    "service_tier",
    "input_above",
    *KINDS,
    "per_1000_requests",
    "per_1000_units",
    "source",
    "version",
)
_OUTPUT: Final = _COLUMNS.index("output")
_REASONING: Final = _COLUMNS.index("reasoning")


def show_prices(
    config_file: Path | None, form: str, model: str, *, provider: str | None, at: dt.datetime | None
) -> Status:
    """Print the prices of a model. One without any is said so, with what to write."""
    book = PriceBook(settings_to_look(config_file).config, GenaiPrices.load(), None if at is None else unix_us(at))
    found = book.named(model, provider)
    unknown = [each for each in found if each.price is None]
    if not found or len(unknown) == len(found):
        raise BadUsage(f"the price of {_spelt(model, provider, unknown)} is unknown, which is not free", _hint(unknown))
    for each in unknown:
        click.echo(f"{each.deployment}: its price is unknown, so it is left out of plans; {_hint([each])}", err=True)
    rows = [row for each in found for row in _rows(each)]
    click.echo("US dollars per million tokens", err=True)
    click.echo(render(_table(rows, Format(form)), Format(form)), nl=False)
    return Status.DONE


def _spelt(model: str, provider: str | None, unknown: Sequence[Priced]) -> str:
    if unknown:
        return ", ".join(f"{each.deployment} ({each.model} at {each.provider})" for each in unknown)
    return model if provider is None else f"{model} at {provider}"


def _hint(unknown: Sequence[Priced]) -> str:
    where = f"the deployment {unknown[0].deployment}" if unknown else "its deployment"
    return f"give {where} a price in the config: price: {{input: 0.10, output: 0.40}}, or zeros if it is free"


def _rows(each: Priced) -> Iterator[tuple[str, ...]]:
    if each.price is None:
        return
    for tier, price in tiers_of(each.price):
        for above, rates in lengths_of(price):
            yield (
                each.deployment,
                each.provider,
                each.model,
                tier,
                f"{above}" if above else "",
                *(rates_line(rates) if price.by_tokens else ("",) * len(KINDS)),
                per_thousand(price.request),
                "" if price.unit is None else usd(price.unit // 1000),
                price.source,
                price.version,
            )


def _table(rows: Sequence[tuple[str, ...]], form: Format) -> Table:
    """Return the table; for people without the columns that say nothing."""
    silent = {nr for nr in range(len(_COLUMNS)) if not any(row[nr] for row in rows)}
    if all(row[_REASONING] == row[_OUTPUT] for row in rows):
        silent.add(_REASONING)
    kept = [nr for nr in range(len(_COLUMNS)) if form is not Format.TABLE or nr not in silent]
    return Table(texts(*(_COLUMNS[nr] for nr in kept)), tuple(tuple(row[nr] for nr in kept) for row in rows))
