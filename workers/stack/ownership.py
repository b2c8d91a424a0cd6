"""One stack per directory: our own, or somebody else's for as long as that lasts."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from ...producers.files import write_whole
from ..embedded.place import FileLock
from .stack import Addresses, Stack

_LOCK: Final = "stack.lock"
_NOTE: Final = "stack.json"
_POLL_SECONDS: Final = 0.2


class Owner(msgspec.Struct, frozen=True):
    """Who owns the stack of a directory."""

    pid: int
    #: `up` or `run`.
    command: str


class OwnershipListener(Protocol):
    """Hears whose stack it is."""

    def stack_is_shared(self, owner: Owner | None) -> None:
        """Hear that another process has a stack here (None: one that just ends), and that it is used."""
        ...

    def stack_is_ours(self) -> None:
        """Hear that we start one."""
        ...


class Ground:
    """The directory in which at most one stack stands. Worker and recorder hold its lock as long as they live."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._note = directory / _NOTE
        self._lock = FileLock(directory / _LOCK)

    def take(self) -> bool:
        """Take it if nobody has it, and say whether it is ours."""
        return self._lock.acquire()

    def sign(self, owner: Owner) -> None:
        """Write down whose it is, for others to read."""
        write_whole(self._note, [msgspec.json.encode(owner), b"\n"])

    def owner(self) -> Owner | None:
        """Return who wrote its name last."""
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Owner)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def leave(self) -> None:
        """Give it back; whoever of our stack still lives has it until its end."""
        if self._lock.held:
            self._note.unlink(missing_ok=True)
            self._lock.release()

    @property
    def lock(self) -> int:
        """The descriptor to be inherited."""
        return self._lock.fileno()


class SharedStack:
    """Sees to it that there is a stack while it is entered; starts one as soon as nobody else has one."""

    def __init__(self, ground: Ground, me: Owner, make: Callable[[int], Stack], listener: OwnershipListener) -> None:
        """Prepare; `make` makes our stack, given the descriptor of the lock that it shall hold."""
        self._ground = ground
        self._me = me
        self._make = make
        self._listener = listener
        self._exit = AsyncExitStack()
        self._own = False
        self._task: asyncio.Task[Addresses] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the stack is our own."""
        return self._own

    async def __aenter__(self) -> Self:
        self._exit.callback(self._ground.leave)
        self._task = asyncio.create_task(self._see_to_it(), name="see to a stack")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._exit.aclose()

    async def started(self) -> Addresses:
        """Return when a stack of our own works, which may be never; raises `PartFailed` or OSError if it cannot."""
        if self._task is None:
            raise RuntimeError("expected to be entered, it is not")
        return await asyncio.shield(self._task)

    async def _see_to_it(self) -> Addresses:
        if not self._ground.take():
            self._listener.stack_is_shared(self._ground.owner())
            while not self._ground.take():  # noqa: ASYNC110 - a freed flock tells nobody
                await asyncio.sleep(_POLL_SECONDS)
        self._own = True
        self._ground.sign(self._me)
        self._listener.stack_is_ours()
        stack = await self._exit.enter_async_context(self._make(self._ground.lock))
        return await stack.started()
