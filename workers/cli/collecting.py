"""What `headgate collect` does."""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ...producers.batch_state import BatchState
from ...producers.ids import is_batch_id
from ...producers.logbook import Claim, Logbook, Order
from ...producers.runner import BatchRun
from ...reporting.tables import Format
from ...schemas.config import Config
from .batches import known_batches, places_of
from .buses import bus_name, needs_server
from .display import make_display
from .exits import Status
from .interruption import Interruption
from .options import BadUsage
from .session import connected, in_words, served
from .settled import settings_of
from .summary import Summary

_ADVICE: Final = "is a worker running? `headgate up` starts one"
#: So many batches are named to somebody who named none of them.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Collect:
    """What the command line says."""

    batch: str
    output: Path
    #: `input` or `completed`.
    order: str
    wait: bool
    force: bool


def collect_batch(config_file: Path | None, asked: Collect, form: str) -> Status:
    """Collect a batch, print how it stands, and return the exit status."""
    config = settings_of(config_file).config
    summary = asyncio.run(_collect(config, asked))
    click.echo(summary.render(Format(form)), nl=False)
    if summary.complete or not asked.wait:
        if not summary.complete:
            click.echo(f"{summary.answered}; {asked.output} has them", err=True)
        return Status.SOME_FAILED if summary.totals.failed else Status.DONE
    click.echo(summary.how_to_go_on(sys.argv[1:]), err=True)
    return Status.INTERRUPTED


async def _collect(config: Config, asked: Collect) -> Summary:
    began = time.monotonic()
    with in_words(config):
        async with AsyncExitStack() as exit_:
            book = _book(config, asked, exit_)
            server = await exit_.enter_async_context(served(config, needed=needs_server(config)))
            bus = await exit_.enter_async_context(connected(config, server))
            display = make_display(_ADVICE)
            batch = BatchRun(bus, book, display)
            with Interruption(batch.stop), display:
                facts = await batch.collect(wait=asked.wait)
            if facts.complete:
                await asyncio.to_thread(_finish, book, asked)
            elif not asked.wait:
                await asyncio.to_thread(book.write_draft, asked.output.resolve(), Order(asked.order))
        return Summary.of(facts, asked.output, time.monotonic() - began, None)


def _finish(book: Logbook, asked: Collect) -> None:
    book.write(asked.output, Order(asked.order))
    book.retire(asked.output.resolve())


def _book(config: Config, asked: Collect, exit_: AsyncExitStack) -> Logbook:
    """Open the logbook of the batch; raises `BadUsage` if that makes no sense."""
    if not is_batch_id(asked.batch) or not places_of(config, asked.batch).state.exists():
        raise BadUsage(f"expected a batch that was submitted from here, got {asked.batch!r}", _known(config))
    claim = Claim(places_of(config, asked.batch))
    exit_.callback(claim.close)
    if claim.state is None:
        raise BadUsage(f"{asked.batch} has just been collected by another command")
    _check(config, asked, claim.state)
    book = claim.resume(claim.state)
    exit_.callback(book.close)
    return book


def _known(config: Config) -> str:
    waiting = [state.terms.batch for state in known_batches(config) if state.output is None]
    return f"waiting to be collected: {', '.join(waiting[:_NAMED]) or 'none'}"


def _check(config: Config, asked: Collect, state: BatchState) -> None:
    here = bus_name(config, str(Path(config.directory).resolve()))
    if state.output is not None:
        raise BadUsage(f"{asked.batch} was collected already", f"its answers are in {state.output}")
    if state.bus != here:
        raise BadUsage(
            f"{asked.batch} was submitted on {state.bus}, this is {here}", "use the config of its submission"
        )
    if state.lines is None and asked.wait:
        hint = f"submit {state.source.path} again, which goes on, or say --no-wait"
        raise BadUsage(f"{asked.batch} is not submitted to its end", hint)
    if asked.output.exists() and not asked.force and state.draft != str(asked.output.resolve()):
        raise BadUsage(f"{asked.output} exists", "name another output with -o, or say --force to replace it")
