"""What one part of the stack is: a command, and the line with which it says that it is ready."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec


class PartFailed(Exception):  # noqa: N818 - the name is the event
    """A part ended, or said something unexpected, before it was ready. The message says what it said last."""

    def __init__(self, name: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{name} {why}")
        self.why = why
        #: The exit status, if it ended.
        self.status = status

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return self.status is not None and self.status < 0


class _Ready(msgspec.Struct, frozen=True):
    operations: str
    ready: bool = True


_ready = msgspec.json.Decoder(_Ready)


def operations_address(line: str) -> str:
    """Read the announcement of a worker or a recorder: `{"ready": true, "operations": "http://..."}`."""
    try:
        return _ready.decode(line).operations
    except msgspec.DecodeError as error:
        raise ValueError(f"expected a line of JSON that says ready, got {line!r}") from error


def base_url(line: str) -> str:
    """Read the announcement of the simulator: its base URL."""
    if not line.startswith("http"):
        raise ValueError(f"expected a URL, got {line!r}")
    return line


@dataclass(frozen=True, slots=True)
class Part:
    """How one part is started and stopped."""

    name: str
    command: Sequence[str]
    #: Reads the first line of its standard output; raises `ValueError`.
    announced: Callable[[str], str]
    #: Seconds between SIGTERM and SIGKILL.
    patience: float
    #: Descriptors that it, and so its life, holds open.
    holds: tuple[int, ...] = field(default=())
