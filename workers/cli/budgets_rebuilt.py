"""What `headgate budgets rebuild` does: asks the recorder that runs, or is one until workers may spend."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click

from ...producers.redis_link import LinkError
from ...reporting.errors import BusyLedgerError, LedgerError
from ...reporting.ledger import Ledger
from ...schemas.config import Config
from ..admission.port import BookState, BudgetBook, Phase
from ..bus.port import BusLost
from ..embedded.errors import EmbeddedServerError
from ..embedded.server import EmbeddedServer
from ..recorder.book_events import BookLog
from ..recorder.recorder import Recorder
from .buses import bus_errors, needs_server, usage_source
from .exits import Status
from .options import BadUsage, OurFault
from .recorder_budgets import appends_for, holds_anybody, needs_store_server, store_book
from .settled import settings_of

_POLL: Final = 0.1
_DRAIN: Final = 10.0
_SPARE: Final = 60.0
_TROUBLE: Final = (LinkError, BusLost, EmbeddedServerError, LedgerError, OSError)


def rebuild(config_file: Path | None) -> int:
    """Fill the store and wait for it."""
    config = settings_of(config_file).config
    if not holds_anybody(config):
        raise BadUsage("expected limits or budgets in the config, found none", "there is no store to be filled")
    expected: tuple[type[Exception], ...] = (*_TROUBLE, *bus_errors(config))
    try:
        return asyncio.run(_rebuild(config))
    except expected as error:
        raise OurFault(f"expected to fill the store of budgets, got: {error}") from error


async def _rebuild(config: Config) -> int:
    async with AsyncExitStack() as stack:
        server = None
        if needs_server(config) or needs_store_server(config):
            server = await stack.enter_async_context(EmbeddedServer(Path(config.directory)))
        book = store_book(config, server, stack)
        # Another life than the recorder's: it will find that out, and nobody spends from here on.
        name = f"asked-{uuid.uuid4().hex}"
        await book.open(name, {}, (), ())
        click.echo("nobody spends now; the store is being filled from the ledger", err=True)
        try:
            ledger = await asyncio.to_thread(Ledger.open, config.ledger.path, patience=0.0)
        except BusyLedgerError:
            return await _told(book, name, config.admission.dead_after + _SPARE)
        recorder = Recorder(
            usage_source(config, server),
            ledger,
            config.ledger,
            appends=appends_for(config, ledger, server, stack, BookLog()),
        )
        running = asyncio.create_task(recorder.run())
        waiting = asyncio.create_task(_told(book, name, config.admission.dead_after + _SPARE))
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        recorder.stop(_DRAIN)
        await running
        return await waiting


async def _told(
    book: BudgetBook,
    former: str,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Wait until the store is ready in another life than `former`, and say so."""
    deadline = clock() + seconds
    while not _is_filled(state := await book.state(), former):
        if clock() > deadline:
            raise OurFault(f"expected the store to be ready within {seconds:.0f} s, it is {state.phase.value}")
        await sleep(_POLL)
    click.echo(f"the store is ready, life {state.epoch}", err=True)
    return Status.DONE


def _is_filled(state: BookState, former: str) -> bool:
    return state.phase is Phase.READY and state.epoch != former
