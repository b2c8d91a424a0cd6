"""Where everything leaves the gateway: one place that speaks to the bus and to the listener."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from ...routing.access.rules import KeyRules
from ...routing.admission.step import Park
from ...routing.shadow import shadow_deferral
from ...schemas.deferral import Deferral, deferred_record, tier_for
from ...schemas.failures import Failure
from ...schemas.proof import without_proof
from ...schemas.record import Record
from ...schemas.reply import Reply, decode_reply, encode_reply
from ...schemas.request import Rejected, Request
from ...schemas.topics import Tier, Topics
from ...schemas.usage import UsageEvent, encode_event
from ..bus.port import Bus, Delivery
from ..journal.claims import Answer
from .answers import refusal_event, refusal_reply, replayed_event
from .clock import Clock
from .events import Listener
from .job import Job
from .records import dead_letter, reply_record, usage_record


class Usage(msgspec.Struct, frozen=True):
    """A usage event, and as a record's value."""

    event: UsageEvent
    value: bytes


#: What is done when something is durable.
Then = Callable[[], None]


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Says what has been decided. Nothing here waits: the bus queues, and commits soon after."""

    bus: Bus
    topics: Topics
    listener: Listener
    clock: Clock
    is_cancelled: Callable[[Request], bool] = lambda _: False
    #: By place: what is done when a delivery's end is durable.
    _then: dict[str, Then] = field(default_factory=dict[str, Then])

    def answer(self, job: Job, reply: Reply, value: bytes, usage: Sequence[Usage], then: Then) -> None:
        """Give the one reply, encoded as it is stored, with the usage of what led to it."""
        said = _Said(reply, value, self._copies(job, reply))
        self._reply(job.delivery, job.request, said, [each.value for each in usage], then)
        self._tell([each.event for each in usage])

    def replay(self, job: Job, answer: Answer, *, same_place: bool, then: Then) -> None:
        """Give the answer that was stored: to the request's own redelivery, or to another that has its id."""
        events = [] if same_place else [replayed_event(job, self.clock.now_us())]
        usage = answer.usage if same_place else tuple(map(encode_event, events))
        reply = decode_reply(answer.reply)
        said = _Said(reply, answer.reply, self._copies(job, reply) if same_place else ())
        self._reply(job.delivery, job.request, said, usage, then)
        self._tell(events)

    def _copies(self, job: Job, reply: Reply) -> tuple[Record, ...]:
        """Return the copy for the request's shadow, if it has one: it sets out when the reply is durable, or never."""
        if job.plan.shadow is None or self.is_cancelled(job.request):
            return ()
        deferral = shadow_deferral(job.plan, job.place, reply.headgate.status, int(self.clock.now() * 1000))
        return () if deferral is None else (self._parked(job.delivery, deferral),)

    def refuse(
        self,
        delivery: Delivery,
        asked: Request | Rejected,
        why: Failure,
        *,
        place: str,
        key: KeyRules | None = None,
        then: Then = nothing,
    ) -> None:
        """Answer a request that nobody is called for."""
        now = self.clock.now_us()
        reply, event = refusal_reply(asked, why, now), refusal_event(asked, why, place, now, key)
        self._reply(delivery, asked, _Said(reply, encode_reply(reply)), (encode_event(event),), then)
        self._tell([event])

    def park(self, job: Job, way: Park, progress: "Progress", then: Then) -> None:
        """Let a request leave memory until it is due."""
        deferral = Deferral(
            job.request.lane,
            job.place,
            job.request.enqueued_ms,
            due_ms=way.due_us // 1000,
            ticket_us=way.ticket_us,
            ticket_for=None if way.ticket_us is None else progress.deployment,
            hops=1 if job.deferral is None else job.deferral.hops + 1,
            attempts=progress.attempts,
            spent_nano=progress.spent_nano,
            refused=progress.refused,
            shadow=None if job.deferral is None else job.deferral.shadow,
        )
        usage = [usage_record(encode_event(event), self.topics) for event in progress.events]
        self._complete(job.delivery, [self._parked(job.delivery, deferral)], usage, then)
        self._tell(progress.events)

    def hop(self, delivery: Delivery, deferral: Deferral) -> None:
        """Let a parked request that is not due wait on."""
        self._complete(delivery, [self._parked(delivery, deferral)], (), nothing)

    def publish(self, event: UsageEvent, durable: Then | None = None) -> None:
        """Publish the usage of an attempt that will be followed by another, or that somebody else began."""
        self.bus.publish((usage_record(encode_event(event), self.topics),), durable)
        self.listener.attempted(event)

    def bury(self, delivery: Delivery, why: Failure, asked: Request | Rejected | None) -> None:
        """Keep a record that nobody can be answered for; a readable one has its row in the ledger all the same."""
        events = [] if asked is None else [refusal_event(asked, why, delivery.place, self.clock.now_us())]
        letter = dead_letter(delivery.record, delivery.place, why, self.topics)
        usage = [usage_record(encode_event(event), self.topics) for event in events]
        self._complete(delivery, [letter], usage, nothing)
        self._tell(events)
        self.listener.dead_lettered(why.code)

    def committed(self, deliveries: Sequence[Delivery]) -> None:
        """Hear from the bus that these are over."""
        for delivery in deliveries:
            self._then.pop(delivery.place, nothing)()

    def _reply(
        self, delivery: Delivery, asked: Request | Rejected, said: "_Said", usage: Sequence[bytes], then: Then
    ) -> None:
        record = reply_record(asked, said.value, said.reply.headgate.status)
        self._complete(delivery, [record, *said.copies], [usage_record(event, self.topics) for event in usage], then)
        self.listener.replied(said.reply, asked.lane)

    def _complete(self, delivery: Delivery, records: Sequence[Record], usage: Sequence[Record], then: Then) -> None:
        if then is not nothing:
            self._then[delivery.place] = then
        self.bus.complete(delivery, records, usage)
        self.listener.finished(len(delivery.record.value or b""))

    def _parked(self, delivery: Delivery, deferral: Deferral) -> Record:
        remaining = deferral.due_ms / 1000 - self.clock.now()
        record = delivery.record
        kept = Record(record.topic, record.value, record.key, without_proof(record.headers))
        return deferred_record(kept, deferral, self.topics, tier_for(remaining) or Tier.SECONDS_10)

    def _tell(self, events: Sequence[UsageEvent]) -> None:
        for event in events:
            self.listener.attempted(event)


class _Said(msgspec.Struct, frozen=True):
    """A reply as it goes out."""

    reply: Reply
    #: It as it is stored.
    value: bytes
    #: What sets out with it: the copy for a shadow.
    copies: Sequence[Record] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request that leaves memory has come."""

    #: Usage that nobody has published yet.
    events: tuple[UsageEvent, ...]
    #: In all its lives so far.
    attempts: int
    spent_nano: int
    #: How often there was no flex capacity.
    refused: int
    #: Whose turn it is next: a slot that is reserved is in its limits.
    deployment: str | None = None
