"""What `headgate budgets list` says."""

import asyncio
import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from ...producers.redis_link import LinkError
from ...reporting.tables import Cell, Column, Format, Kind, Table, render
from ...routing.admission.demand import BudgetWindow
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.rules import Unit
from ...routing.admission.taking import Bookkeeping
from ...schemas.config import Config
from ...schemas.money import show_usd, usd
from ..admission.port import BudgetState, Phase
from ..embedded.errors import EmbeddedServerError
from ..embedded.server import EmbeddedServer
from .exits import Status
from .options import OurFault
from .recorder_budgets import needs_store_server, store_book
from .settled import settings_of

_COLUMNS = (
    *(Column(name, Kind.TEXT) for name in ("budget", "from", "until", "unit")),
    *(Column(name, Kind.COUNT) for name in ("limit", "settled", "held", "free", "percent")),
)


def tell(config_file: Path | None, form: str) -> int:
    """Print the budgets; if the store is not ready, that is said on stderr."""
    config = settings_of(config_file).config
    try:
        phase, states = asyncio.run(_ask(config))
    except (LinkError, EmbeddedServerError, OSError) as error:
        raise OurFault(f"expected to reach the store of budgets, got: {error}") from error
    rulebook = Rulebook.of(config)
    if not rulebook:
        click.echo("No limits and no budgets are in the config.", err=True)
    elif phase is not Phase.READY:
        click.echo(
            f"the store is {phase.value}: nobody spends until a recorder has filled it from the ledger", err=True
        )
    answer = table(rulebook, states, time.time_ns() // 1000, for_people=form == Format.TABLE)
    click.echo(render(answer, Format(form)), nl=False)
    return Status.DONE


async def _ask(config: Config) -> tuple[Phase, Sequence[BudgetState]]:
    async with AsyncExitStack() as stack:
        server = None
        if needs_store_server(config):
            server = await stack.enter_async_context(EmbeddedServer(Path(config.directory)))
        book = store_book(config, server, stack)
        return (await book.state()).phase, await book.budgets()


def table(rulebook: Rulebook, states: Sequence[BudgetState], now_us: int, *, for_people: bool) -> Table:
    """Tell of all budgets that the config names, and of the others that are used; the fullest first.

    Money is spelled as dollars: for people as short as can be, for programs with all nine digits.
    """
    known = {(state.name, state.start_us): state for state in states}
    lines = sorted(_lines(rulebook, known, now_us), key=lambda line: (-line.percent, line.window.name))
    return Table(_COLUMNS, tuple(line.cells(for_people=for_people) for line in lines))


@dataclass(frozen=True, slots=True)
class _Line:
    window: BudgetWindow
    unit: Unit
    state: BudgetState

    @property
    def percent(self) -> int:
        return (self.state.settled + self.state.held) * 100 // self.window.limit

    def cells(self, *, for_people: bool) -> tuple[Cell, ...]:
        window, state = self.window, self.state
        free = window.limit - state.settled - state.held
        amounts = (window.limit, state.settled, state.held, free)
        spelled = (_spelled(amount, self.unit, for_people=for_people) for amount in amounts)
        until = None if window.end_us is None else _moment(window.end_us)
        return window.name, _moment(window.start_us), until, self.unit.value, *spelled, self.percent


def _lines(rulebook: Rulebook, known: Mapping[tuple[str, int], BudgetState], now_us: int) -> Iterator[_Line]:
    books = Bookkeeping()
    named = {budget.name: budget for budget in rulebook.budgets()}
    used = {name: rulebook.budget(name) for name, _ in known if name not in named}
    for budget in (*named.values(), *used.values()):
        if budget is not None:
            window = books.window(budget, now_us)
            state = known.get((window.name, window.start_us))
            if state is not None or budget.name in named:
                yield _Line(window, budget.unit, state or BudgetState(window.name, window.start_us, 0, 0))


def _spelled(amount: int, unit: Unit, *, for_people: bool) -> Cell:
    if unit is not Unit.USD:
        return amount
    return show_usd(amount) if for_people else f"{usd(amount):.9f}"


def _moment(at_us: int) -> str:
    return dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
