"""What `headgate prices diff --ledger` says: what was booked, and what the same would cost now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import click

from ...reporting.errors import LedgerError, MissingLedgerError
from ...reporting.priced import Booked, booked
from ...reporting.reader import open_for_reading
from ...reporting.tables import Column, Format, Kind, Table, render
from ...routing.price_list import GenaiPrices
from ...routing.prices import Price
from ...routing.service_tiers import bill
from ...schemas.config import Config
from .exits import Status
from .options import BadUsage, OurFault
from .price_lines import texts
from .priced import PriceBook

_COLUMNS: Final = (
    *texts("deployment", "provider", "model", "service_tier", "booked_by", "now_by"),
    Column("attempts", Kind.COUNT),
    Column("booked", Kind.MONEY),
    Column("now", Kind.MONEY),
)
_UNKNOWN: Final = "unknown"


@dataclass(slots=True)
class _Sum:
    """One line; None: the price is not known any more."""

    attempts: int = 0
    booked: int = 0
    now: int | None = 0


def compare_booked(config: Config, form: str, since: int | None, until: int | None) -> Status:
    """Print what attempts were booked for beside what they would cost now."""
    prices = GenaiPrices.load()
    book = PriceBook(config, prices)
    ours = {each.deployment: each.price for each in book.deployments()}
    try:
        with open_for_reading(config.ledger.path) as reader:
            click.echo(f"from {reader.describe()}, priced by {prices.version}", err=True)
            table = _table(booked(reader, since, until), ours, prices)
    except MissingLedgerError as error:
        raise BadUsage(str(error), "run something first, or name the config that says where the ledger is") from error
    except LedgerError as error:
        raise OurFault(str(error)) from error
    click.echo(render(table, Format(form)), nl=False)
    return Status.DONE


def _table(rows: Iterable[Booked], ours: Mapping[str, Price | None], prices: GenaiPrices) -> Table:
    sums: dict[tuple[str, ...], _Sum] = {}
    for row in rows:
        price = ours[row.deployment] if row.deployment in ours else prices.find(row.provider, row.upstream_model)
        paid = None if price is None else bill(price, row.tokens, row.asked, row.served, row.calls)
        version = _UNKNOWN if paid is None else paid.version
        tier = row.served or row.asked or ""
        line = sums.setdefault(
            (row.deployment, row.provider, row.upstream_model, tier, row.price_version, version), _Sum()
        )
        line.attempts += row.attempts
        line.booked += row.cost_nano
        if paid is None or line.now is None:
            line.now = None
        elif not row.free:
            line.now += paid.nano * row.attempts
    lines = tuple((*key, each.attempts, each.booked, each.now) for key, each in sorted(sums.items()))
    total = (None,) * 6 + (
        sum(each.attempts for each in sums.values()),
        sum(each.booked for each in sums.values()),
        sum(each.now or 0 for each in sums.values()),
    )
    return Table(_COLUMNS, lines, total)
