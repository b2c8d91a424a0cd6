"""A request on its way through the gateway, and what became of its attempts."""

import msgspec

from ...routing.access.rules import KeyRules
from ...routing.admission.step import Drop, Park
from ...routing.outcome import Completion, Setback
from ...routing.target import Plan, Target
from ...schemas.deferral import Deferral
from ...schemas.failures import Failure
from ...schemas.request import Request
from ...schemas.usage import UsageEvent
from ..bus.port import Delivery
from ..journal.claims import Run
from .gate import Entered


class Job(msgspec.Struct, frozen=True):
    """A request that may be run: read, its key recognised, its deployments found."""

    delivery: Delivery
    request: Request
    key: KeyRules
    plan: Plan
    #: Names the request's record for ever: where it was before it was ever parked.
    place: str
    #: Set when it comes back from having been parked.
    deferral: Deferral | None = None
    #: Whether it goes to another model than the one that it asked for.
    is_fallback: bool = False
    #: Why nobody can be asked, None if somebody can. A former worker may have asked somebody, under another config.
    why: Failure | None = None

    @property
    def size(self) -> int:
        """Bytes that it holds in memory, without overhead."""
        return len(self.request.body)

    @property
    def may_fall_back(self) -> bool:
        """Whether a spent budget may send it to another model: once, and never a copy, which is for the one model."""
        return not self.is_fallback and self.request.shadow_of is None

    @property
    def made(self) -> int:
        """Attempts that were made before it was parked."""
        return 0 if self.deferral is None else self.deferral.attempts

    @property
    def refused(self) -> int:
        """How often there was no flex capacity before it was parked."""
        return 0 if self.deferral is None else self.deferral.refused

    @property
    def spent_nano(self) -> int:
        """What those have cost, nano-dollars."""
        return 0 if self.deferral is None else self.deferral.spent_nano


class Attempt(msgspec.Struct, frozen=True):
    """One attempt as it happened."""

    #: Names it at the provider and in the ledger.
    event_id: str
    number: int
    #: The request as it was asked then: a fallback has another model and plan.
    job: Job
    target: Target
    #: When it was let in, and what it took.
    entered: Entered
    latency_ms: int
    result: Completion | Setback
    #: What was left out or put otherwise, for the reply.
    notes: tuple[str, ...] = ()


class Booked(msgspec.Struct, frozen=True):
    """An attempt that is over, and what the ledger is told of it."""

    attempt: Attempt
    event: UsageEvent
    #: Whether the event is on its way already.
    published: bool = False


class Ended(msgspec.Struct, frozen=True):
    """The request's attempts are over, or there was none: `end` says why if the last attempt's failure does not."""

    run: Run
    last: Booked | None
    end: Failure | None = None
    #: When the first attempt began, unix microseconds.
    began_us: int = 0


class Left(msgspec.Struct, frozen=True):
    """The request has to wait longer than it may in memory, or it is another worker's."""

    run: Run
    #: Attempts that were made in this run.
    made: int
    #: An attempt whose usage nobody has published yet.
    last: Booked | None
    way: Park | Drop
    #: How often there was no flex capacity, in all its lives.
    refused: int = 0
    #: The deployment that it was to call.
    deployment: str | None = None
