"""From a delivery to a job: read, recognised, planned; or answered here and now."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ...routing.access.keyring import Keyring
from ...routing.access.rules import KeyRules
from ...routing.affordable import affordable
from ...routing.plan import PriceFinder, Routes, make_plan
from ...routing.providers.body import asking_for
from ...routing.retry import after_fallback, longer_models
from ...routing.shadow import alone, original_place, shadow_of
from ...routing.standing import Standing
from ...routing.target import Plan
from ...schemas.deferral import Deferral, original, read_deferral
from ...schemas.failures import Code, Failure, failure
from ...schemas.reading import read_request
from ...schemas.record import Record
from ...schemas.request import Arrival, Defaults, Rejected, Request, Unreadable
from ...schemas.topics import Topics
from ..bus.port import Bus, Delivery
from .clock import Clock
from .desk import Desk
from .job import Job
from .tolls import Estimates


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gateway goes by, from the config."""

    topics: Topics
    routes: Routes
    defaults: Defaults
    keyring: Keyring
    #: Seconds that a parked request may still have to wait and be taken in.
    wait_in_memory: float = 10.0
    #: The deferral topics.
    deferrals: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Keep at hand what every delivery is held against."""
        object.__setattr__(self, "deferrals", frozenset(self.topics.deferrals))


@dataclass(frozen=True, slots=True)
class Reception:
    """Receives deliveries."""

    rules: Rules
    bus: Bus
    desk: Desk
    prices: PriceFinder
    estimates: Estimates
    clock: Clock
    is_cancelled: Callable[[Request], bool]
    standing: Standing

    async def receive(self, delivery: Delivery) -> Job | None:
        """Return the request to run, or None when it has been answered, or parked again."""
        topics = self.rules.topics
        parked = delivery.record.topic in self.rules.deferrals
        deferral = read_deferral(delivery.record, topics) if parked else None
        came = _came(delivery, deferral, topics)
        read = read_request(came.record, came.arrival, self.rules.defaults)
        if isinstance(read, Unreadable):
            self.desk.bury(delivery, read.failure, None)
            return None
        if deferral is not None and isinstance(read, Request) and self._waits_on(read, deferral):
            self.desk.hop(delivery, msgspec.structs.replace(deferral, hops=deferral.hops + 1))
            return None
        key = self._key(read, came, parked=deferral is not None)
        asked = read if deferral is None else self._copy(read, deferral)
        return await self._recognise(delivery, asked, key, came.place, deferral)

    def _waits_on(self, request: Request, deferral: Deferral) -> bool:
        remaining = deferral.due_ms / 1000 - self.clock.now()
        return remaining > self.rules.wait_in_memory and not self.is_cancelled(request)

    def _copy(self, read: Request | Rejected, deferral: Deferral) -> Request | Rejected:
        rules = self.rules
        return shadow_of(read, deferral, rules.topics.shadows, rules.defaults.deadline_ms)

    async def _recognise(
        self,
        delivery: Delivery,
        read: Request | Rejected,
        key: KeyRules | Failure,
        place: str,
        deferral: Deferral | None,
    ) -> Job | None:
        """Find out whose it is, and whether whoever reads the reply topic may be told anything."""
        if isinstance(key, Failure) and key.code is Code.UNKNOWN_REPLY_TOPIC:
            self.desk.bury(delivery, key, read)
        elif not await self.bus.knows(read.reply_to):
            why = failure(Code.UNKNOWN_REPLY_TOPIC, expected="a topic that exists", given=read.reply_to)
            self.desk.bury(delivery, why, read)
        elif isinstance(key, Failure):
            self.desk.refuse(delivery, read, key, place=place)
        elif isinstance(read, Rejected):
            self.desk.refuse(delivery, read, read.failure, place=place, key=key)
        else:
            return self._planned(delivery, key.applied(read), key, place, deferral)
        return None

    def _key(self, read: Request | Rejected, came: "_Came", *, parked: bool) -> KeyRules | Failure:
        """Check the proof, unless the request was parked: nobody parks without having proved his key."""
        keyring, now = self.rules.keyring, self._now_ms()
        return keyring.recheck(read, now) if parked else keyring.check(read, came.record, now)

    def _planned(
        self, delivery: Delivery, request: Request, key: KeyRules, place: str, deferral: Deferral | None
    ) -> Job:
        plan = self.plan(request)
        if isinstance(plan, Plan):
            plan = plan if deferral is None else plan.beginning_with(deferral.ticket_for)
            return Job(delivery, request, key, plan, place, deferral)
        longer = self._longer(request, plan)
        if longer is None:
            return Job(delivery, request, key, self.rules.routes.nobody(request.model), place, deferral, why=plan)
        return Job(delivery, longer[0], key, longer[1], place, deferral, is_fallback=True)

    def _longer(self, request: Request, why: Failure) -> tuple[Request, Plan] | None:
        """Return the request as a longer model gets it, where it is too long for its own."""
        old = self.rules.routes.nobody(request.model)
        for model in () if request.shadow_of is not None else longer_models(why, old.fallbacks):
            asked = asking_for(request, model)
            found = self.plan(asked)
            if isinstance(found, Plan):
                return asked, after_fallback(old, found)
        return None

    def plan(self, request: Request) -> Plan | Failure:
        """Return where a request goes, at no more than it may cost."""
        plan = make_plan(request, self.rules.routes, self.prices, self.standing)
        if isinstance(plan, Plan) and request.shadow_of is not None:
            plan = alone(plan)
        if isinstance(plan, Failure):
            return plan
        return affordable(plan, request, self.estimates.estimate)

    def _now_ms(self) -> int:
        return int(self.clock.now() * 1000)


class _Came(msgspec.Struct, frozen=True):
    """A record as its producer wrote it, and where it first arrived."""

    record: Record
    arrival: Arrival
    #: Names what is answered, which is the arrival unless this is a copy for a shadow.
    place: str


def _came(delivery: Delivery, deferral: Deferral | None, topics: Topics) -> _Came:
    if deferral is None:
        lane = topics.lane_of(delivery.record.topic)
        return _Came(delivery.record, Arrival(delivery.place, lane, delivery.at_ms), delivery.place)
    record = original(delivery.record, deferral.lane, topics)
    return _Came(record, Arrival(original_place(deferral), deferral.lane, deferral.at_ms), deferral.place)
