"""How a batch is run: how much of it is on its way, and how often things happen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Sizes and seconds."""

    #: Lines that are submitted at a time.
    window: int = 500
    #: Bytes of them.
    window_bytes: int = 4 * 1024 * 1024
    #: Lines that may wait for their answer; None: as many as the bus takes.
    outstanding: int | None = 20_000
    #: How long to wait for room before asking again.
    retry_seconds: float = 0.25
    #: How long one look for answers may take.
    poll_seconds: float = 0.2
    #: How much work a crash may repeat.
    checkpoint_seconds: float = 1.0
