"""What-if: recorded requests under another config, on a virtual clock that goes from arrival to arrival.

Requests are replayed, not attempts: each is planned and let in once, and costs there what its recorded tokens cost at
the price of that time. Attempts that failed keep the cost that they had.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...schemas.config import Config
from ...schemas.failures import Code, Failure, failure
from ...schemas.recorded import RecordedRequest
from ...schemas.request import Endpoint, Request
from ...schemas.topics import Lane
from ..access.keyring import Keyring
from ..access.rules import KeyRules
from ..admission.rulebook import Rulebook
from ..admission.taking import Amounts
from ..estimate import TokenEstimate
from ..flex import Progress, turn
from ..plan import Routes, make_plan
from ..price_list import PriceList
from ..prices import Price
from ..service_tiers import Bill, bill
from ..standing import Quiet
from ..target import FlexPolicy, Plan, Target
from ..tree.node import leaves_of
from .blind import Blind, blind_spots
from .course import Course, Ways
from .gate import Asked, LetIn, VirtualGate
from .held import Use, held_to

_US: Final = 1_000_000

#: Refusals that another config may take back. All others are for what the request itself said, or for what it was
#: proved with: that is not recorded.
_BY_CONFIG: Final = frozenset(
    {
        Code.MODEL_NOT_FOUND,
        Code.UNPRICED,
        Code.DEADLINE_EXCEEDED,
        Code.FORBIDDEN,
        Code.KEY_EXPIRED,
        Code.BUDGET_EXCEEDED,
        Code.LIMIT_TOO_SMALL,
        Code.NO_DEPLOYMENT,
    }
)


class Fate(enum.StrEnum):
    """What limits and budgets made of a request. Whether it was answered then is another question."""

    #: Let in at once, or after a wait in memory.
    SERVED = "served"
    #: Let in after a longer wait.
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Lived:
    """How a request fared, in the record or in the replay."""

    fate: Fate
    #: Why it was refused.
    code: str | None = None
    #: From its arrival until it was let in, microseconds; 0 if it was refused.
    waited_us: int = 0
    deployment: str = ""
    provider: str = ""
    #: Of the answer, nano-dollars.
    answer_nano: int = 0
    #: Of attempts without an answer, as recorded.
    other_nano: int = 0
    #: The editions of prices.
    prices: frozenset[str] = frozenset()
    blind: frozenset[Blind] = frozenset()

    @property
    def cost_nano(self) -> int:
        """What it cost in all, nano-dollars."""
        return self.answer_nano + self.other_nano


class Replay:
    """Replays requests in the order of their arrival, and remembers what they have taken."""

    def __init__(self, config: Config, routes: Routes, prices: PriceList) -> None:
        self._routes = routes
        self._rulebook = Rulebook.of(config)
        self._keyring = Keyring.of(config)
        self._deadline_us = round(config.defaults.deadline * _US)
        self._gate = VirtualGate(round(config.admission.wait_in_memory * _US))
        self._blind = blind_spots(config, routes)
        self._windows = _windows(routes)
        self._then = _Then(prices)
        self._standing = Quiet(self._then.expected)

    def __repr__(self) -> str:
        return f"<Replay of {self._gate!r}>"

    def recorded(self, one: RecordedRequest) -> Lived:
        """Return how a request fared as it is recorded; its wait is judged by this config's memory."""
        last = one.answers[-1] if one.answers else one
        deferred = one.waited_us > self._gate.in_memory_us
        fate = Fate.REFUSED if one.code is not None else Fate.DEFERRED if deferred else Fate.SERVED
        return Lived(
            fate,
            one.code,
            0 if one.code is not None else one.waited_us,
            last.deployment,
            last.provider,
            one.answered_nano,
            one.other_nano,
            frozenset(answer.price_version for answer in one.answers),
        )

    def replayed(self, one: RecordedRequest) -> Lived:
        """Return how it would fare."""
        if one.code is not None and one.code not in _BY_CONFIG:
            return Lived(Fate.REFUSED, one.code, other_nano=one.other_nano, blind=frozenset({Blind.REFUSAL}))
        self._then.one, blind = one, self._blind_to(one)
        admitted = self._admitted(one)
        if isinstance(admitted, Failure):
            return _refused(admitted.code, blind)
        request, key = admitted
        course = Course.begin(request, Ways(self._routes, self._plan, self._readied), self._deadline_us / _US)
        return _refused(course.code, blind) if isinstance(course, Failure) else self._run(course, key, one, blind)

    def _blind_to(self, one: RecordedRequest) -> frozenset[Blind]:
        of_route = self._blind.get(one.model, frozenset[Blind]())
        return of_route if one.answers else of_route | frozenset({Blind.TOKENS})

    def _admitted(self, one: RecordedRequest) -> tuple[Request, KeyRules] | Failure:
        """Return the request as its key lets it go on."""
        request = self._request(one)
        if request is None:
            return failure(Code.UNKNOWN_ENDPOINT, expected=f"one of {', '.join(Endpoint)}", given=one.endpoint)
        key = self._keyring.admits(request, one.arrived_us // 1000)
        return key if isinstance(key, Failure) else (key.applied(request), key)

    def _request(self, one: RecordedRequest) -> Request | None:
        """Make the request anew, with an empty body; None: it asked for an endpoint that is not served any more."""
        if one.endpoint not in _ENDPOINTS:
            return None
        return Request(
            one.request_id,
            Endpoint(one.endpoint),
            one.model,
            b"{}",
            one.key,
            Lane(one.lane),
            "",
            deadline_ms=(one.arrived_us + self._deadline_us) // 1000,
            enqueued_ms=one.arrived_us // 1000,
            metadata=one.metadata,
            end_user=one.end_user,
            service_tier=one.answers[-1].asked if one.answers else None,
        )

    def _plan(self, request: Request) -> Plan | Failure:
        return make_plan(request, self._routes, self._then, self._standing)

    def _run(self, course: Course, key: KeyRules, one: RecordedRequest, blind: frozenset[Blind]) -> Lived:
        """Go on until somebody can be asked who may be, or nobody is left."""
        while True:
            target = course.target()
            if isinstance(target, Failure):
                return _refused(target.code, blind)
            held = held_to(self._rulebook, course.request, key, target, is_fallback=course.is_fallback)
            bills = _bills(target, one)
            cost = sum(each.nano for each in bills)
            way = self._gate.enter(held, _use(one, cost), Asked(one.arrived_us, one.arrived_us + self._deadline_us))
            if isinstance(way, Failure):
                return _refused(way.code, blind)
            if isinstance(way, LetIn):
                return self._let_in(target, way, bills, one, blind)
            if way.model in course.models or not course.send_on(way.model):
                return _refused(Code.BUDGET_EXCEEDED, blind)

    def _let_in(
        self, target: Target, way: LetIn, bills: Sequence[Bill], one: RecordedRequest, blind: frozenset[Blind]
    ) -> Lived:
        waited_us = way.at_us - one.arrived_us
        fate = Fate.DEFERRED if waited_us > self._gate.in_memory_us else Fate.SERVED
        cost, prices = sum(each.nano for each in bills), frozenset(each.version for each in bills)
        return Lived(fate, None, waited_us, target.id, target.provider, cost, one.other_nano, prices, blind)

    def _readied(self, request: Request, target: Target, policy: FlexPolicy) -> Target | Failure:
        """Ask for the recorded service tier, and leave out a deployment whose window is smaller than what was read.

        Not the one that has read it, whatever the data says.
        """
        one = self._then.one
        window, read = self._windows.get(target.id), one.tokens.input // one.calls
        if window is not None and read > window and all(each.deployment != target.id for each in one.answers):
            return failure(Code.CONTEXT_LENGTH, expected=f"at most {window} tokens", given=read)
        asks = turn(request, target, policy, lambda: Progress(0, self._deadline_us / _US, is_last=False))
        return asks if isinstance(asks, Failure) else asks.target


class _Then:
    """What was known when a request came: the prices of that time, and, by hindsight, its tokens."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices
        self.one = _NOBODY

    def find(self, provider: str, model: str) -> Price | None:
        one = self.one
        return self._prices.find(provider, model, one.answers[-1].at_us if one.answers else one.last_us)

    def expected(self, _: Request, __: Target) -> TokenEstimate:
        tokens = self.one.tokens
        return TokenEstimate(
            tokens.input, tokens.output, tokens.input, tokens.output, tokens.cached, twins=self.one.calls
        )


_NOBODY: Final = RecordedRequest("", "", "", "", "", 0, 0, "", "", 0, 0, 0)
_ENDPOINTS: Final = frozenset(Endpoint)


def _windows(routes: Routes) -> Mapping[str, int]:
    leaves = (leaf for route in routes.models.values() for leaf in leaves_of(route.tree.root))
    return {leaf.target.id: leaf.traits.window for leaf in leaves if leaf.traits.window is not None}


def _bills(target: Target, one: RecordedRequest) -> Sequence[Bill]:
    """Return what the recorded answers cost at a deployment, each for itself, on the service tier that served them.

    Where another tier is asked for than then, that one serves. An answer of several calls is made by as many again.
    """
    price, tier = target.price, target.tier
    if price is None:
        return [Bill(0, "") for _ in one.answers]
    return [
        bill(price, answer.tokens, tier, answer.served if tier == answer.asked else tier, answer.calls)
        for answer in one.answers
    ]


def _use(one: RecordedRequest, cost: int) -> Use:
    """Return what was taken, as it is known afterwards: nothing is held beyond it."""
    tokens = one.tokens
    taken = Amounts(tokens.input, tokens.output, cost, one.calls)
    return Use(taken, taken, max(1, one.latency_ms * 1000))


def _refused(code: str, blind: frozenset[Blind]) -> Lived:
    """Refuse: nobody is called, so nothing is paid, not even what failed attempts have cost."""
    return Lived(Fate.REFUSED, str(code), blind=blind)
