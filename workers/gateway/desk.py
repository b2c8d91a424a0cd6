"""Where everything leaves the gateway: one place that speaks to the bus and to the listener."""

from dataclasses import dataclass

from ...schemas.failures import Failure
from ...schemas.reply import Reply
from ...schemas.request import Rejected, Request
from ...schemas.topics import Topics
from ...schemas.usage import UsageEvent
from ..bus.port import Bus, Delivery
from .answers import refusal_event, refusal_reply
from .attempts import Clock
from .events import Listener
from .records import dead_letter, reply_record, usage_record


@dataclass(frozen=True, slots=True)
class Desk:
    """Says what has been decided. Nothing here waits: the bus queues, and commits soon after."""

    bus: Bus
    topics: Topics
    listener: Listener
    clock: Clock

    def answer(self, delivery: Delivery, asked: Request | Rejected, reply: Reply, event: UsageEvent) -> None:
        """Give the one reply, with the usage of what led to it."""
        self.bus.complete(delivery, (reply_record(asked, reply),), (usage_record(event, self.topics),))
        self.listener.attempted(event)
        self.listener.replied(reply, asked.lane)
        self._finished(delivery)

    def publish(self, event: UsageEvent) -> None:
        """Publish the usage of an attempt that will be followed by another, or that somebody else began."""
        self.bus.publish((usage_record(event, self.topics),))
        self.listener.attempted(event)

    def refuse(self, delivery: Delivery, asked: Request | Rejected, why: Failure) -> None:
        """Answer a request that nobody is called for."""
        now = self.clock.now_us()
        self.answer(delivery, asked, refusal_reply(asked, why, now), refusal_event(asked, why, delivery.place, now))

    def bury(self, delivery: Delivery, why: Failure, asked: Request | Rejected | None) -> None:
        """Keep a record that nobody can be answered for; a readable one has its row in the ledger all the same."""
        events = [] if asked is None else [refusal_event(asked, why, delivery.place, self.clock.now_us())]
        letter = dead_letter(delivery.record, delivery.place, why, self.topics)
        self.bus.complete(delivery, (letter,), [usage_record(event, self.topics) for event in events])
        for event in events:
            self.listener.attempted(event)
        self.listener.dead_lettered(why.code)
        self._finished(delivery)

    def _finished(self, delivery: Delivery) -> None:
        self.listener.finished(len(delivery.record.value or b""))
