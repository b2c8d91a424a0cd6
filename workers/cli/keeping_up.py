"""What `headgate up` does."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click

from ...reporting.tables import Column, Format, Kind, Table, render
from ...schemas.config import Config
from ...schemas.config_values import without_password
from ..embedded.server import EmbeddedServer
from ..settings import Settings
from ..stack.commands import Commands
from ..stack.ownership import Ground, Owner
from ..stack.part import PartFailed
from ..stack.stack import Addresses, Stack, needs_server
from .exits import Status
from .interruption import Interruption
from .options import BadUsage, OurFault
from .session import in_words, served
from .settled import settings_of
from .stack_notes import StackNotes

_READY: Final = "It runs until Ctrl-C."


def keep_up(config_file: Path | None, form: str) -> Status:
    """Run the stack until somebody asks to stop, and return the exit status."""
    settings = settings_of(config_file)
    if not settings.config.providers:
        click.echo("No provider is configured: the built-in simulator answers, nothing is spent.", err=True)
    asyncio.run(_keep_up(settings, Format(form)))
    return Status.DONE


async def _keep_up(settings: Settings, form: Format) -> None:
    config = settings.config
    stopped = asyncio.Event()
    with in_words(config), Interruption(stopped.set):
        async with AsyncExitStack() as exit_:
            ground = _ground(Path(config.directory), exit_)
            server = await exit_.enter_async_context(served(config, needed=needs_server(config)))
            notes = StackNotes(lambda text: click.echo(text, err=True))
            stack = Stack(Commands(settings, free_ports=False), notes, None, ground.lock)
            await exit_.enter_async_context(stack)
            addresses = await _started(stack, stopped)
            if addresses is not None:
                click.echo(render(_table(config, server, addresses), form), nl=False)
                click.echo(_READY, err=True)
                await stopped.wait()


def _ground(directory: Path, exit_: AsyncExitStack) -> Ground:
    ground = Ground(directory)
    if not ground.take():
        owner = ground.owner()
        whose = f"`headgate {owner.command}`, process {owner.pid}" if owner else "a command that is just ending"
        raise BadUsage(f"{directory} has a stack already: {whose}", "use it, stop it, or name another `directory`")
    exit_.callback(ground.leave)
    ground.sign(Owner(os.getpid(), "up"))
    return ground


async def _started(stack: Stack, stopped: asyncio.Event) -> Addresses | None:
    """Wait for the stack; None if somebody asked to stop first."""
    starting, stopping = asyncio.create_task(stack.started()), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        return starting.result() if starting.done() else None
    except PartFailed as error:
        raise BadUsage(str(error)) if error.status == Status.BAD_USAGE else OurFault(str(error)) from error
    finally:
        starting.cancel()
        stopping.cancel()


def _table(config: Config, server: EmbeddedServer | None, addresses: Addresses) -> Table:
    rows = (
        ("bus", _bus(config, server)),
        ("worker", addresses.worker),
        ("recorder", addresses.recorder),
        ("simulator", addresses.simulator),
        ("ledger", config.ledger.path),
    )
    shown = tuple(row for row in rows if row[1] is not None)
    return Table((Column("part", Kind.TEXT), Column("address", Kind.TEXT)), shown)


def _bus(config: Config, server: EmbeddedServer | None) -> str | None:
    if config.bus is not None and config.bus.kafka is not None:
        return ",".join(config.bus.kafka.bootstrap_servers)
    if config.bus is not None and config.bus.redis is not None:
        return without_password(config.bus.redis.url)
    return server.url if server else None
