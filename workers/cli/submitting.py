"""What `headgate submit` does."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click
import msgspec

from ...producers.facts import BatchFacts
from ...producers.fingerprint import fingerprint
from ...producers.logbook import Claim, Logbook
from ...producers.port import BatchBus
from ...producers.runner import BatchRun
from ...producers.signing import Prove
from ...reporting.tables import Column, Format, Kind, Table, render
from ...schemas.config import Config
from .batch_terms import Origin, Wishes, new_state, new_terms
from .batches import known_batches, places_of
from .buses import needs_server
from .exits import Status
from .interruption import Interruption
from .proving import prover
from .session import connected, in_words, served
from .settled import settings_of
from .summary import same_again

_NOTE_SECONDS: Final = 5.0


def submit_file(config_file: Path | None, file: Path, wishes: Wishes, form: str) -> Status:
    """Submit a file, print the batch's id, and return the exit status."""
    config = settings_of(config_file).config
    facts = asyncio.run(_submit(config, file, wishes))
    click.echo(render(_table(facts), Format(form)), nl=False)
    if facts.counted:
        return Status.DONE
    click.echo(f"{facts.passed:,} of {facts.lines:,} submitted; {same_again(sys.argv[1:])}", err=True)
    return Status.INTERRUPTED


async def _submit(config: Config, file: Path, wishes: Wishes) -> BatchFacts:
    with in_words(config):
        origin = Origin.of(file, await asyncio.to_thread(fingerprint, file), config)
        async with AsyncExitStack() as exit_:
            server = await exit_.enter_async_context(served(config, needed=needs_server(config)))
            bus = await exit_.enter_async_context(connected(config, server))
            book, prove = await _book(config, origin, wishes, bus)
            exit_.callback(book.close)
            batch = BatchRun(bus, book, _Notes(), prove=prove)
            with Interruption(batch.stop):
                return await batch.submit()


async def _book(config: Config, origin: Origin, wishes: Wishes, bus: BatchBus) -> tuple[Logbook, Prove]:
    """Open the logbook: of a submission of this very file that was interrupted, or of a new batch."""
    for state in known_batches(config):
        if state.lines is None and state.source.fingerprint == origin.fingerprint and state.bus == origin.bus:
            click.echo(f"going on with {state.terms.batch}", err=True)
            prove = prover(config, state.terms, wishes.key_file)
            claim = Claim(places_of(config, state.terms.batch))
            return claim.resume(msgspec.structs.replace(claim.state or state, source=origin.source)), prove
    terms = new_terms(config, wishes)
    prove = prover(config, terms, wishes.key_file)
    cursor = await bus.end_of_replies(terms.reply_to)
    return Claim(places_of(config, terms.batch)).begin(new_state(terms, origin, cursor)), prove


def _table(facts: BatchFacts) -> Table:
    columns = (
        Column("batch", Kind.TEXT),
        Column("state", Kind.TEXT),
        Column("lines", Kind.COUNT),
        Column("submitted", Kind.COUNT),
        Column("failed", Kind.COUNT),
    )
    state = "submitted" if facts.counted else "unfinished"
    failed = facts.totals.failed  # lines that no gateway needs to see
    return Table(columns, ((facts.batch, state, facts.lines, facts.passed - failed, failed),))


class _Notes:
    """Says every few seconds how far it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + _NOTE_SECONDS

    def changed(self, facts: BatchFacts) -> None:
        """Write a line if the last one is old."""
        if self._clock() >= self._next:
            full = ", waiting for room on the bus" if facts.full else ""
            click.echo(f"{facts.passed:,} of about {facts.lines:,} submitted{full}", err=True)
            self._next = self._clock() + _NOTE_SECONDS
