"""What `run`, `submit` and `collect` do around a batch: the bus, the stack, signals, and errors in the user's words."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ...producers.batch_state import StateUnreadableError
from ...producers.port import BatchBus
from ...producers.spool import SpoolBusyError, SpoolDamagedError
from ...schemas.config import Config
from ..embedded.errors import EmbeddedServerError
from ..embedded.server import EmbeddedServer
from .buses import batch_bus, bus_errors
from .options import BadUsage, OurFault


@asynccontextmanager
async def connected(config: Config, server: EmbeddedServer | None) -> AsyncGenerator[BatchBus, None]:
    """Connect to the bus; raises `OurFault` if it is not there."""
    bus = batch_bus(config, server)
    try:
        await bus.start()
        yield bus
    finally:
        await bus.stop()


@asynccontextmanager
async def served(config: Config, *, needed: bool) -> AsyncGenerator[EmbeddedServer | None, None]:
    """Keep the embedded server, where it is needed."""
    if not needed:
        yield None
        return
    async with EmbeddedServer(Path(config.directory)) as server:
        yield server


@contextmanager
def in_words(config: Config) -> Generator[None, None, None]:
    """Translate what may go wrong with a batch into what to do about it."""
    of_the_bus = bus_errors(config)
    try:
        yield
    except SpoolBusyError as error:
        raise BadUsage(str(error), "wait for the other command, or stop it") from error
    except (SpoolDamagedError, StateUnreadableError) as error:
        raise BadUsage(str(error), "move the files of the unfinished batch away to begin anew") from error
    except EmbeddedServerError as error:
        raise OurFault(str(error)) from error
    except of_the_bus as error:
        raise OurFault(f"the bus: {error}") from error
    except OSError as error:
        raise OurFault(f"{error}; the same command goes on from here once that is solved") from error
