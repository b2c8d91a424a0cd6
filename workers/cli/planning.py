"""What `headgate plan` does: a file's requests, foreseen one after the other; none of them is kept."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from ...producers.input_file import LocalReply, Submission, read_lines
from ...producers.progress import spell_seconds
from ...producers.terms import Terms
from ...reporting.row_stream import RowStream
from ...reporting.tables import Format, render_all
from ...routing.forecast.dry_run import DryRun, Forecast, Ground, Pace
from ...routing.forecast.outlook import Outlook
from ...routing.forecast.reasons import Reasons
from ...routing.models import ListedModels
from ...routing.plan import Routes
from ...routing.price_list import GenaiPrices
from ...routing.routes import Unroutable, build_routes
from ...routing.tokens.estimator import TokenEstimator
from ...routing.tokens.vocabulary import load_vocabularies
from ...schemas.config import Config
from ...schemas.failures import Code, failure
from ...schemas.money import show_usd
from ...schemas.reading import read_request
from ...schemas.request import Arrival, Defaults, Rejected, Request
from .batch_terms import Wishes, new_terms
from .config_check import NOWHERE
from .exits import Status
from .options import BadUsage
from .plan_tables import EACH, each_row, load_table, refused_table, waits_table
from .settled import settings_to_look


@dataclass(frozen=True, slots=True)
class Assumed:
    """What nobody knows before the calls."""

    workers: int = 1
    first_token: float = 1.0
    tokens_per_second: float = 50.0

    @property
    def pace(self) -> Pace:
        """How long calls are taken to last."""
        return Pace(self.first_token, self.tokens_per_second)


def plan_file(  # noqa: PLR0913 - what the user says, and the clock
    config_file: Path | None,
    file: Path,
    wishes: Wishes,
    assumed: Assumed,
    form: str,
    *,
    each: bool,
    clock: Callable[[], int] = time.time_ns,
) -> int:
    """Print what would become of a file; `clock` returns unix nanoseconds."""
    config = settings_to_look(config_file).config
    prices = GenaiPrices.load()
    routes = routes_of(config, prices)
    if not config.providers:
        click.echo("No provider is configured: planned as if the built-in simulator answered.", err=True)
    now_us = clock() // 1000
    ground = Ground.of(config, routes, assumed.pace, assumed.workers)
    estimates = TokenEstimator(vocabularies=load_vocabularies())
    dry_run = DryRun(ground, estimates, prices, now_us)
    outlook = Outlook(now_us)
    forecasts = _forecasts(file, new_terms(config, wishes, now_us / 1e6), config, dry_run, now_us // 1000)
    if each:
        _print_each(forecasts, outlook, Reasons(routes, prices, estimates.estimate), Format(form))
    else:
        for _, forecast in forecasts:
            outlook.add(forecast)
        others = {"codes": refused_table(outlook), "waits": waits_table(outlook)}
        click.echo(render_all(load_table(outlook), others, Format(form)), nl=False)
    click.echo(_last_word(outlook, assumed), err=True)
    return Status.SOME_FAILED if outlook.total.refused else Status.DONE


def routes_of(config: Config, prices: GenaiPrices) -> Routes:
    """Build the routes with all that is known of models; raises `BadUsage`."""
    routes = build_routes(config, None if config.providers else NOWHERE, ListedModels.load(prices.window))
    if isinstance(routes, Unroutable):
        raise BadUsage("the config is not enough to run\n" + "\n".join(routes.problems))
    return routes


def _print_each(forecasts: Iterator[tuple[int, Forecast]], outlook: Outlook, reasons: Reasons, form: Format) -> None:
    with RowStream(EACH, form, sys.stdout) as rows:
        for line, forecast in forecasts:
            outlook.add(forecast)
            rows.row(each_row(line, forecast, outlook.now_us, reasons))


def _forecasts(
    file: Path, terms: Terms, config: Config, dry_run: DryRun, now_ms: int
) -> Iterator[tuple[int, Forecast]]:
    """Yield what would become of each line, with its number."""
    defaults = Defaults(
        terms.reply_to, config.defaults.key, round(config.defaults.deadline * 1000), config.limits.request_bytes
    )
    for line in read_lines(file, terms):
        if isinstance(line, LocalReply):
            yield line.line, _answered_here(line, terms, now_ms)
        else:
            yield line.line, dry_run.forecast(_read(line, terms, defaults, now_ms))


def _read(line: Submission, terms: Terms, defaults: Defaults, now_ms: int) -> Request | Rejected:
    """Read a line as a gateway would. Its id, by which chance goes, is the line's: a file is planned the same."""
    name = f"plan-{line.line}"
    read = read_request(line.record, Arrival(name, terms.lane, now_ms), defaults)
    if isinstance(read, Request | Rejected):
        return msgspec.structs.replace(read, id=name)
    return Rejected(name, terms.reply_to, read.failure, defaults.key, terms.lane, now_ms)


def _answered_here(line: LocalReply, terms: Terms, now_ms: int) -> Forecast:
    reply, why = line.reply, line.reply.error or failure(Code.INTERNAL)
    model = reply.headgate.model or ""
    return Forecast(
        Rejected(reply.id, terms.reply_to, why, terms.key or "", terms.lane, now_ms, reply.custom_id, model=model), why
    )


def _last_word(outlook: Outlook, assumed: Assumed) -> str:
    total = outlook.total
    served = total.requests - total.refused
    workers = "1 worker" if assumed.workers == 1 else f"{assumed.workers} workers"
    return (
        f"{served:,} requests would be answered, {total.refused:,} refused, for {show_usd(total.cost)} as expected and "
        f"{show_usd(total.worst_cost)} at worst, in about {spell_seconds(outlook.took_us / 1e6)}.\n"
        f"Assumed: {workers}; calls of {assumed.first_token:g} s and {assumed.tokens_per_second:g} output tokens a "
        "second after that; no attempt fails; nothing of any limit or budget is used by anybody else."
    )
