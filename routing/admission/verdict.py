"""The answers to a demand."""

import msgspec


class Go(msgspec.Struct, frozen=True):
    """Everything is taken, and the mark is written: call now."""

    #: When, unix microseconds by the store's clock: the attempt's time in the ledger, and so its budgets' windows.
    at_us: int


class Wait(msgspec.Struct, frozen=True):
    """The charges' slot is reserved; nothing else is taken. Ask again then, with `ticket_us`."""

    #: When that was said, unix microseconds by the store's clock.
    now_us: int
    #: When the slot begins.
    ticket_us: int
    #: The rate limit that made it wait longest.
    limit: str

    @property
    def seconds(self) -> float:
        """How long that is."""
        return (self.ticket_us - self.now_us) / 1e6


class Late(msgspec.Struct, frozen=True):
    """There is no slot before `latest_us`. Nothing is taken."""

    #: The earliest slot that there would have been, unix microseconds.
    earliest_us: int
    limit: str


class Busy(msgspec.Struct, frozen=True):
    """Parallel slots are in use, or other attempts' holds are in the way. Nothing is taken: ask again soon.

    A ticket stays valid only as long as its slot lasts.
    """

    limit: str


class Paused(msgspec.Struct, frozen=True):
    """The provider has asked not to be called before a time. Nothing is taken, and nobody was asked."""

    #: The brake, such as `calls:small-a`.
    limit: str
    #: Unix microseconds by the store's clock.
    until_us: int


class Exhausted(msgspec.Struct, frozen=True):
    """A budget is spent. Nothing is taken."""

    budget: str
    #: When its next window begins, None if never.
    resets_us: int | None


class Never(msgspec.Struct, frozen=True):
    """The amount is larger than the limit or the budget itself. Nothing is taken."""

    limit: str
    amount: int
    most: int


class Stale(msgspec.Struct, frozen=True):
    """A budget's window is over, or not begun, by the store's clock: make the demand again. Nothing is taken."""

    now_us: int


class Fenced(msgspec.Struct, frozen=True):
    """Another worker has taken the request over. Nothing is taken."""


class NotReady(msgspec.Struct, frozen=True):
    """The store is empty or being rebuilt from the ledger. Nothing is taken: ask again soon."""


Verdict = Go | Wait | Late | Busy | Paused | Exhausted | Never | Stale | Fenced | NotReady
