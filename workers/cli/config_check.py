"""What `headgate config` says."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import click

from ...reporting.tables import Column, Format, Kind, Table, render
from ...routing.plan import PriceFinder, Routes
from ...routing.price_list import GenaiPrices
from ...routing.routes import Unroutable, build_routes
from ...routing.target import Target
from ...routing.tree.node import leaves_of
from ...schemas.json_schemas import SCHEMAS
from .exits import Status
from .options import BadUsage
from .settled import settings_of

_COLUMNS: Final = ("model", "deployment", "provider", "upstream_model", "input_usd", "output_usd", "price_source")
#: 10⁻²⁴ dollars per token are so many to a dollar per million tokens.
_PER_MILLION: Final = 10**18
#: Stands for a simulator that is not started: nothing is called.
NOWHERE: Final = "http://simulator"


def check_config(config_file: Path | None, form: str) -> int:
    """Print the models that may be asked for and what they cost per million tokens; errors end the command before."""
    settings = settings_of(config_file)
    config = settings.config
    routes = build_routes(config, None if config.providers else NOWHERE)
    if isinstance(routes, Unroutable):
        raise BadUsage("the config is not enough to run\n" + "\n".join(routes.problems))
    source = "no config file, so the defaults" if settings.file is None else str(settings.file)
    click.echo(f"{source}: fine", err=True)
    if not config.providers:
        click.echo("No provider is configured: the built-in simulator answers, nothing is spent.", err=True)
    click.echo(render(_table(routes, GenaiPrices.load()), Format(form)), nl=False)
    return Status.DONE


def _table(routes: Routes, prices: PriceFinder) -> Table:
    named = {
        (name, leaf.target.id): leaf for name, route in routes.models.items() for leaf in leaves_of(route.tree.root)
    }
    rows = tuple(_row(name, leaf.priced(prices)) for (name, _), leaf in named.items())
    return Table(tuple(Column(name, Kind.TEXT) for name in _COLUMNS), rows)


def _row(model: str, target: Target) -> tuple[str, ...]:
    where = (model, target.id, target.provider, target.upstream_model)
    if target.price is None:
        return (*where, "", "", "unknown")
    rates = target.price.rates
    return (*where, _dollars(rates.input), _dollars(rates.output), target.price.version)


def _dollars(rate: int) -> str:
    return f"{Decimal(rate) / _PER_MILLION:f}"


def print_schema() -> int:
    """Print the JSON Schema of the config file."""
    click.echo(json.dumps(SCHEMAS["config"](), indent=2, ensure_ascii=False))
    return Status.DONE
