"""What `headgate run` does: a batch from its file to its output, with all that is needed for it."""

import asyncio
import os
import sys
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
import msgspec

from ...producers.facts import BatchFacts
from ...producers.fingerprint import fingerprint
from ...producers.logbook import Claim, Logbook, Order, Places
from ...producers.opening import Opening, Refused, Wanted, open_as
from ...producers.port import BatchBus
from ...producers.runner import BatchRun
from ...reporting.tables import Format
from ...schemas.config import Config
from ..settings import Settings
from ..stack.commands import Commands
from ..stack.ownership import Ground, Owner, SharedStack
from ..stack.part import PartFailed
from ..stack.stack import Stack, needs_server
from .batch_terms import Origin, Wishes, new_state, new_terms
from .buses import needs_server as bus_needs_server
from .display import Display, make_display
from .exits import Status
from .interruption import Interruption
from .ledger_cost import cost_in_ledger
from .options import BadUsage, OurFault
from .session import connected, in_words, served
from .settled import settings_of
from .stack_notes import StackNotes
from .summary import Summary

_OWN_ADVICE: Final = "the worker's log is {directory}/logs/worker.log"
_OTHERS_ADVICE: Final = "is a worker running? `headgate up` starts one"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    input: Path
    output: Path
    #: `input` or `completed`.
    order: str
    #: Replace what stands in the way.
    force: bool
    #: Start a worker and a recorder for as long as this takes.
    workers: bool
    wishes: Wishes = field(default_factory=Wishes)


def answer_file(config_file: Path | None, asked: Asked, form: str) -> Status:
    """Do all of it, print how it went, and return the exit status."""
    settings = settings_of(config_file)
    if asked.workers and not settings.config.providers:
        click.echo("No provider is configured: the built-in simulator answers, nothing is spent.", err=True)
    summary = asyncio.run(run_batch(settings, asked))
    click.echo(summary.render(Format(form)), nl=False)
    if not summary.complete:
        click.echo(summary.how_to_go_on(sys.argv[1:]), err=True)
    return summary.status


async def run_batch(settings: Settings, asked: Asked) -> Summary:
    """Run a batch, or go on with the one that was interrupted. Raises `BadUsage` and `OurFault`."""
    with in_words(settings.config):
        job = await _Job.prepared(settings, asked)
        async with AsyncExitStack() as exit_:
            claim = Claim(Places.beside(asked.output))
            exit_.callback(claim.leave)
            opening = job.opening(claim)
            server = await exit_.enter_async_context(served(job.config, needed=job.needs_server))
            bus = await exit_.enter_async_context(connected(job.config, server))
            book = await job.book(claim, opening, bus)
            exit_.callback(book.close)
            return await job.run(bus, book)


class _Job:
    """One command's run through its steps."""

    def __init__(self, settings: Settings, asked: Asked, origin: Origin) -> None:
        self._settings = settings
        self._asked = asked
        self._origin = origin
        self._began = time.monotonic()
        self.config: Config = settings.config
        advice = _OWN_ADVICE.format(directory=self.config.directory) if asked.workers else _OTHERS_ADVICE
        self._display: Display = make_display(advice)

    @classmethod
    async def prepared(cls, settings: Settings, asked: Asked) -> "_Job":
        """Read the input once, to know it again."""
        found = await asyncio.to_thread(fingerprint, asked.input)
        return cls(settings, asked, Origin.of(asked.input, found, settings.config))

    @property
    def needs_server(self) -> bool:
        """Whether we should keep the embedded Valkey: it must outlive the worker."""
        return needs_server(self.config) if self._asked.workers else bus_needs_server(self.config)

    def opening(self, claim: Claim) -> Opening:
        """Decide how to begin; raises `BadUsage` if something would be lost."""
        asked, origin = self._asked, self._origin
        exists = asked.output.exists()
        wanted = Wanted(str(asked.input), str(asked.output), origin.fingerprint, origin.bus, exists, asked.force)
        decision = open_as(claim.state, wanted, vacant=claim.is_vacant)
        if isinstance(decision, Refused):
            raise BadUsage(decision.problem, decision.hint)
        return decision

    async def book(self, claim: Claim, opening: Opening, bus: BatchBus) -> Logbook:
        """Open the logbook of the batch."""
        if opening is Opening.RESUME and claim.state is not None:
            # the file may have been moved since; its contents are the same
            book = claim.resume(msgspec.structs.replace(claim.state, source=self._origin.source))
            self._display.note(f"resuming {book.state.terms.batch}, {book.totals.answered:,} lines are answered")
            return book
        terms = new_terms(self.config, self._asked.wishes)
        return claim.begin(new_state(terms, self._origin, await bus.end_of_replies(terms.reply_to)))

    async def run(self, bus: BatchBus, book: Logbook) -> Summary:
        """Submit and collect, write the output, and say how it went once nobody of ours works on it any more."""
        batch = BatchRun(bus, book, self._display)
        with Interruption(lambda: self._stop(batch)):
            async with self._stack() as stack:
                with self._display:
                    facts = await _facts(batch, stack)
                if facts.complete:
                    await asyncio.to_thread(book.write, self._asked.output, Order(self._asked.order))
                    book.forget()
                ours = stack is not None and stack.is_ours
            booked = await self._booked(facts) if ours and facts.complete else None
        return Summary.of(facts, self._asked.output, time.monotonic() - self._began, booked)

    def _stop(self, batch: BatchRun) -> None:
        batch.stop()
        self._display.note("stopping: calls under way are waited for; Ctrl-C again leaves them to the next run")

    def _stack(self) -> AbstractAsyncContextManager[SharedStack | None]:
        if not self._asked.workers:
            return nullcontext()
        notes = StackNotes(self._display.note)
        directory = Path(self.config.directory)
        commands = Commands(self._settings, free_ports=True)
        return SharedStack(
            Ground(directory),
            Owner(os.getpid(), "run"),
            lambda lock: Stack(commands, notes, directory / "logs", lock),
            notes,
        )

    async def _booked(self, facts: BatchFacts) -> int | None:
        """Return the cost as the ledger has it: what a dead worker may have spent is in it too."""
        return await asyncio.to_thread(cost_in_ledger, Path(self.config.ledger.path), facts.batch)


async def _facts(batch: BatchRun, stack: SharedStack | None) -> BatchFacts:
    """Run the batch; raises `OurFault` or `BadUsage` as soon as the stack cannot be had."""
    running = asyncio.create_task(batch.run())
    if stack is None:
        return await running
    starting = asyncio.create_task(stack.started())
    try:
        await asyncio.wait([running, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        return await running
    except PartFailed as error:
        batch.stop()
        await running
        raise BadUsage(str(error)) if error.status == Status.BAD_USAGE else OurFault(str(error)) from error
    finally:
        starting.cancel()
