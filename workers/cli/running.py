"""What `headgate run` does: a batch from its file to its output, with all that is needed for it."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Self

import click
import msgspec

from ...producers.batch_state import BatchState
from ...producers.facts import BatchFacts
from ...producers.fingerprint import fingerprint
from ...producers.logbook import Claim, Logbook, Order, Places
from ...producers.opening import Opening, Refused, Wanted, open_as
from ...producers.port import BatchBus
from ...producers.runner import BatchRun
from ...producers.signing import Prove
from ...producers.terms import Terms
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
from .options import BadUsage, OurFault
from .proving import prover
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
        with closing(Claim(Places.beside(asked.output))) as claim:
            begin = job.beginning(claim)
            async with served(job.config, needed=job.needs_server) as server:
                # the stack begins to start before anything else of this process is even imported
                with Interruption(job.stop):
                    async with job.stack() as stack, connected(job.config, server) as bus:
                        with closing(await begin(bus)) as book:
                            facts = await job.run(bus, book, stack)
                return await job.summary(facts, stack)


class _Job:
    """One command's run through its steps."""

    def __init__(self, settings: Settings, asked: Asked, origin: Origin) -> None:
        self._settings = settings
        self._asked = asked
        self._origin = origin
        self._began = time.monotonic()
        self._stopped = asyncio.Event()
        self._batch: BatchRun | None = None
        self._prove: Prove = lambda record: record
        self.config: Config = settings.config
        advice = _OWN_ADVICE.format(directory=self.config.directory) if asked.workers else _OTHERS_ADVICE
        self._display: Display = make_display(advice)

    @classmethod
    async def prepared(cls, settings: Settings, asked: Asked) -> Self:
        """Read the input once, to know it again."""
        found = await asyncio.to_thread(fingerprint, asked.input)
        return cls(settings, asked, Origin.of(asked.input, found, settings.config))

    @property
    def needs_server(self) -> bool:
        """Whether we should keep the embedded Valkey: it must outlive the worker."""
        return needs_server(self.config) if self._asked.workers else bus_needs_server(self.config)

    def beginning(self, claim: Claim) -> Callable[[BatchBus], Awaitable[Logbook]]:
        """Return how to open the logbook once there is a bus; raises `BadUsage` if something would be lost."""
        asked, origin = self._asked, self._origin
        exists = asked.output.exists()
        if exists and asked.output.samefile(asked.input):
            raise BadUsage(f"{asked.output} is the input", "name another output with -o")
        wanted = Wanted(str(asked.input), str(asked.output), origin.fingerprint, origin.bus, exists, asked.force)
        decision = open_as(claim.state, wanted, vacant=claim.is_vacant)
        if isinstance(decision, Refused):
            raise BadUsage(decision.problem, decision.hint)
        if decision is Opening.RESUME and claim.state is not None:
            self._prove = prover(self.config, claim.state.terms, asked.wishes.key_file)
            return partial(self._resumed, claim, claim.state)
        terms = new_terms(self.config, asked.wishes)
        self._prove = prover(self.config, terms, asked.wishes.key_file)
        return partial(self._fresh, claim, terms)

    async def _resumed(self, claim: Claim, state: BatchState, _: BatchBus) -> Logbook:
        # the file may have been moved since; its contents are the same
        book = claim.resume(msgspec.structs.replace(state, source=self._origin.source))
        self._display.note(f"resuming {state.terms.batch}, {book.totals.answered:,} lines are answered")
        return book

    async def _fresh(self, claim: Claim, terms: Terms, bus: BatchBus) -> Logbook:
        return claim.begin(new_state(terms, self._origin, await bus.end_of_replies(terms.reply_to)))

    async def run(self, bus: BatchBus, book: Logbook, stack: SharedStack | None) -> BatchFacts:
        """Submit and collect, and write the output when it is complete."""
        self._batch = BatchRun(bus, book, self._display, prove=self._prove)
        if self._stopped.is_set():
            self._batch.stop()
        with self._display:
            facts = await _facts(self._batch, stack)
        if facts.complete:
            await asyncio.to_thread(book.write, self._asked.output, Order(self._asked.order))
            book.forget()
        return facts

    def stop(self) -> None:
        """Submit no more, and come to an end."""
        self._stopped.set()
        if self._batch is not None:
            self._batch.stop()
        self._display.note("stopping: calls under way are waited for; Ctrl-C again leaves them to the next run")

    async def summary(self, facts: BatchFacts, stack: SharedStack | None) -> Summary:
        """Sum up, with the cost as the ledger has it if it is ours: what a dead worker may have spent is in it too."""
        booked = None
        if facts.complete and stack is not None and stack.is_ours:
            from .ledger_cost import cost_in_ledger  # noqa: PLC0415 - the start must not wait for DuckDB

            booked = await asyncio.to_thread(cost_in_ledger, Path(self.config.ledger.path), facts.batch)
        return Summary.of(facts, self._asked.output, time.monotonic() - self._began, booked)

    def stack(self) -> AbstractAsyncContextManager[SharedStack | None]:
        """Return the stack to be entered, ours or another's; nothing without `workers`."""
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
