"""What `headgate replay` does: the ledger's requests, one after the other, under another config."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ...reporting.errors import LedgerError, MissingLedgerError
from ...reporting.reader import open_for_reading
from ...reporting.recorded import recorded_requests
from ...reporting.tables import Format, render_all
from ...routing.forecast.blind import Blind
from ...routing.forecast.comparison import By, Comparison
from ...routing.forecast.replay import Replay
from ...routing.price_list import GenaiPrices
from .exits import Status
from .moments import EXPECTED, moment_of
from .options import BadUsage, OurFault
from .planning import routes_of
from .replay_tables import codes_table, delays_table, pairs_table
from .settled import settings_to_look

_NOT_KNOWN: Final = {
    Blind.BODY: "have a route that looks at the body, which is not recorded: they were planned as if it were empty",
    Blind.CAPABILITIES: "have deployments that cannot do everything; nobody knows whether they needed that",
    Blind.MOMENT: "have a strategy that looks at the moment: they were planned as if nothing were under way",
    Blind.TOKENS: "were never answered: nobody knows their tokens, and an answer is counted as nothing",
    Blind.REFUSAL: "were refused for what they said or how they were proved, and are refused again",
}


@dataclass(frozen=True, slots=True)
class Period:
    """What of the ledger is replayed, as the user says it."""

    since: str | None = None
    until: str | None = None

    def moments(self, now: dt.datetime) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Return its two ends; raises `BadUsage`."""
        return _moment("--since", self.since, now), _moment("--until", self.until, now)


def replay_ledger(config_file: Path | None, ledger: Path | None, period: Period, by: Sequence[str], form: str) -> int:
    """Print how the ledger's requests fared, and would fare; which file was read is said on stderr."""
    config = settings_to_look(config_file).config
    since, until = period.moments(dt.datetime.now(dt.UTC))
    prices = GenaiPrices.load()
    replay = Replay(config, routes_of(config, prices), prices)
    comparison = Comparison([By(each) for each in by])
    try:
        with open_for_reading(ledger or config.ledger.path) as reader:
            click.echo(f"from {reader.describe()}", err=True)
            for one in recorded_requests(reader, since, until):
                comparison.add(one, replay.recorded(one), replay.replayed(one))
    except MissingLedgerError as error:
        raise BadUsage(str(error), "run something first, or name the ledger with --ledger") from error
    except LedgerError as error:
        raise OurFault(str(error)) from error
    others = {"codes": codes_table(comparison), "delays": delays_table(comparison)}
    click.echo(render_all(pairs_table(comparison), others, Format(form)), nl=False)
    _tell_what_is_not_known(comparison)
    return Status.DONE


def _tell_what_is_not_known(comparison: Comparison) -> None:
    for what, text in _NOT_KNOWN.items():
        if comparison.blind[what]:
            click.echo(f"{comparison.blind[what]:,} requests {text}.", err=True)
    if comparison.repriced:
        click.echo(f"{comparison.repriced:,} requests have another price here, or another edition of it.", err=True)
    others = comparison.total.recorded.others
    if others:
        click.echo("What attempts without an answer have cost is on both sides as it was recorded.", err=True)


def _moment(option: str, text: str | None, now: dt.datetime) -> dt.datetime | None:
    if text is None:
        return None
    moment = moment_of(text, now)
    if moment is None:
        raise BadUsage(f"{option}: expected {EXPECTED}, got {text!r}")
    return moment
