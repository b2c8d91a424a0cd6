"""What the gateway needs of a journal: who may run a request, what was begun before, and what was answered already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ...routing.admission.demand import Mark
from ...routing.dearest import Dearest

#: A run or a claim whose end nobody tells is remembered this long: longer than any redelivery.
REMEMBERED_MS = 7 * 24 * 3600 * 1000


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """An attempt as it is written down before it is made: what its usage event needs if nobody hears of its end.

    The config may have lost the deployment by then.
    """

    deployment: str
    provider: str = ""
    upstream_model: str = ""
    #: That it makes at once.
    calls: int = 1
    #: None: it has no price, which the config allows.
    price: Dearest | None = None


class Run(msgspec.Struct, frozen=True):
    """One worker's run of one request: its attempts are numbered from 1, and `event_id(run, n)` names them."""

    #: Minted by the worker, unique.
    id: str
    #: When it began, unix microseconds.
    began_us: int
    #: The attempts begun so far, in order.
    attempts: tuple[Begun, ...]


class Claim(msgspec.Struct, frozen=True):
    """A worker's wish to run a request, and the proof of it afterwards. Its run has no attempts yet."""

    request_id: str
    #: Names the record for ever: which of the records that carry this id is meant.
    place: str
    #: Of what the request asks for, such as a digest of endpoint and body: one id has one. At most 64 bytes.
    fingerprint: bytes
    run: Run


class Answer(msgspec.Struct, frozen=True):
    """What a request was answered."""

    #: The value of the reply's record.
    reply: bytes
    #: The values of all usage events of the request that may not be durable yet, those of interrupted runs included.
    #: None are left once the answer is committed.
    usage: tuple[bytes, ...]
    #: The record that led to it.
    place: str


class Mine(msgspec.Struct, frozen=True):
    """The claim is granted: run it."""

    #: Earlier runs whose workers are dead and whose attempts nobody has accounted for yet, oldest first, each with
    #: at least one attempt. Their events belong into the answer's usage, or onto the bus before the claim is released.
    interrupted: tuple[Run, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """It was answered before. Nothing is claimed."""

    answer: Answer
    #: The answer was given to this very record, and its worker may have died before the bus had it: publish the
    #: reply and the usage. Otherwise the record is a duplicate, and whoever has the other one publishes the usage.
    same_place: bool


class Taken(msgspec.Struct, frozen=True):
    """A worker that lives has it. Nothing is claimed."""

    by_us: bool


class Reused(msgspec.Struct, frozen=True):
    """The id belongs to a request that asked for something else. Nothing is claimed: this request is wrong."""


Claimed = Mine | Answered | Taken | Reused


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long the journal believes in workers, and keeps answers. Durations in seconds."""

    #: A worker that has been silent this long is dead, and its claims are void.
    dead_after: float = 10.0
    #: Counted from when the answer was stored.
    keep_answers: float = 86_400.0
    #: What all stored answers may take, with what the store needs around them; the oldest committed ones go first.
    keep_answers_bytes: int = 256 * 1024 * 1024
    #: Replies longer than this are compressed: level 1 takes 20 to 30 µs per KB, and halves JSON that holds prose.
    compress_above: int = 4096


class Journal(Protocol):
    """One worker's hands on the journal that all workers share.

    A claim is a lease: it holds as long as its worker is heard of, and is void when that one is dead. A worker whose
    claim was taken over can do no more harm with it: its marks, answers and releases have no effect. A store that is
    away is waited for; one that lost its memory costs repeated calls, and nothing else.
    """

    async def known(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Return those that somebody has begun, or that were answered. Waits while the store is away.

        Nothing is claimed: a moment later it may be otherwise.
        """
        ...

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        """Answer each claim, in order. Waits while the store is away, or takes this worker for dead."""
        ...

    def mark(self, claim: Claim, run: Run) -> Mark:
        """Return what is to be written down before another attempt of a claim begins.

        `run` is the claim's, with the attempt at the end of its `attempts`.
        """
        ...

    async def answer(self, answers: Sequence[tuple[Claim, Answer]]) -> Sequence[bool]:
        """Store answers before they are published; every later claim gets them. Waits while the store is away.

        False: another worker took the request over, and answers it. Drop the reply; the usage was spent all the same.
        """
        ...

    async def committed(self, claims: Sequence[Claim]) -> None:
        """Hear that replies and usage are durable: runs and usage are forgotten, the reply is kept for duplicates.

        A claim counts if its place is the answer's, whoever stored that. Best effort: what it misses goes by age.
        """
        ...

    async def release(self, claims: Sequence[Claim]) -> None:
        """Hear that these are not run after all, and that this is durable: whoever claims them next has them.

        What they have spent must be durable as well: runs and interrupted runs are forgotten. Best effort, as above.
        """
        ...
