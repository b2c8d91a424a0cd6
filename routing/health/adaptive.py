"""How many calls one worker may have out to one deployment, found out by asking: a fleet shares what a provider gives.

Increase by a little for each call that is served, decrease by a share of the limit for a refusal: so many who do not
talk to each other come to use what they share fully and fairly (D.-M. Chiu, R. Jain, "Analysis of the Increase and
Decrease Algorithms for Congestion Avoidance", 1989; D. Bansal, H. Balakrishnan, "Binomial Congestion Control
Algorithms", 2001).
A call that is served adds `GAIN`, one that is refused takes `DROP` of the limit. So where a limit stands still, a share
of `GAIN / DROP / limit` is refused: 2.1 % at a limit of 2.5, 0.4 % at 12, 0.05 % at 100. Who shares a provider sees the
same share, and so has the same limit; and a refusal comes every `DROP / GAIN` = 19 rounds of calls, whatever the limit.
After `_PATIENCE` rounds without one there is more to be had, and growth quickens with the cube of time, as CUBIC's does
(RFC 9438).

That holds for refusals that are about this caller's calls, a 429. A provider that is overloaded refuses whoever
comes, with a 503 or a 529, or is late, and of fewer calls it refuses the same share. Taken for a 429, 1 % of them would
leave five calls at a time. So they only count while they are more than a tenth of the calls, or most of the last ones.

Latency is no signal here, as it is for gradient and Vegas limiters (Netflix's `concurrency-limits`): that of a call to
an LLM depends on the length of its answer more than on the provider's load. What is listened to, before anything is
refused, is what the provider says of its rate limits (`outlook.py`).

Pure: no clock, no chance. Times are microseconds of one clock that does not go back.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ...schemas.failures import Code
from ..causes import LOAD
from ..providers.signals import RateSignal
from .outlook import Outlook

#: What a call that is served adds.
GAIN: Final = 0.008
#: The share that a refusal takes, once for all the calls that were out together.
DROP: Final = 0.15
#: What the first refusal takes: until then the limit doubles with every round of calls, so it may be twice too high.
_FIRST_DROP: Final = 0.5
#: Where the provider tells its limits, who is ahead of others is slowed down as they are, and not refused more often:
#: so all grow by the same amount, this share of what the provider grants to all, in one round.
_COMMON_GAIN: Final = 0.002
#: But not by more than this per call, for what it grants to all may be far more than a worker could use.
_MOST_GAIN: Final = 4 * GAIN
#: The limit that a worker begins with, at least: a refusal of one who had fewer calls out speaks of others' calls.
_FIRST: Final = 8.0
#: The smallest limit: one call, then a pause of fifteen times its length. There must be some, or nothing is found out.
FLOOR: Final = 1 / 16
#: A limit grows only while so much of it is in use (RFC 7661): else nothing is known of what lies beyond.
_IN_USE: Final = 0.75
#: Rounds without a refusal after which growth quickens: twice as many as there usually are.
_PATIENCE: Final = 40
#: How much of a new latency goes into the mean, once there are many; and the mean, before there is one.
_SMOOTH: Final = 0.1
_UNKNOWN_US: Final = 1_000_000.0
#: The share of calls that may find the provider overloaded: of the last 200 or so, and of the last ten.
_TOLERATED: Final = 0.1
_TOLERATED_LATELY: Final = 0.5
#: How much one call counts in each.
_SHARE: Final = 0.005
_SHARE_LATELY: Final = 0.1
#: Seconds. What asks for a longer pause is asked again.
_LONGEST_PAUSE: Final = 86_400.0


class Heard(Enum):
    """What a call says of the provider's load."""

    #: It was answered.
    SERVED = auto()
    #: It was refused because this caller has asked for too much.
    REFUSED = auto()
    #: It was refused because all callers have, or was not answered in time.
    OVERLOADED = auto()
    #: It failed for another reason, or was given up, which says nothing.
    OTHER = auto()


_OVERLOADED: Final = (LOAD - {Code.RATE_LIMITED}) | {Code.TIMEOUT, Code.UPSTREAM_TIMEOUT}


def heard(code: Code | None) -> Heard:
    """Return what a call says that ended with this failure, or with none."""
    if code is None:
        return Heard.SERVED
    if code is Code.RATE_LIMITED:
        return Heard.REFUSED
    return Heard.OVERLOADED if code in _OVERLOADED else Heard.OTHER


@dataclass(frozen=True, slots=True)
class Leave:
    """How many more calls may begin."""

    calls: int
    #: When to ask again; None: when a call has ended.
    again_us: int | None = None


class Adaptive:
    """The limit of one deployment, in one worker. Each call that has started must be told of when it has ended."""

    def __init__(self, ceiling: int, in_flight: int = 0) -> None:
        """`ceiling` is the most calls at a time, whatever the provider takes; `in_flight` calls are out already."""
        self._ceiling = max(float(ceiling), 1.0)
        self._limit = min(max(float(in_flight), _FIRST), self._ceiling)
        #: The time of the last drop, None before the first.
        self._dropped_us: int | None = None
        #: Nothing begins before this time.
        self._resume_us = 0
        #: Nor, before this one, the call that makes the fraction of the limit: 2.3 is two, and a third now and then.
        self._extra_us = 0
        self._latency_us = _UNKNOWN_US
        #: Calls that were served.
        self._served = 0
        #: Of the last calls that were served or found the provider overloaded, the share of the latter.
        self._overloaded = 0.0
        self._overloaded_lately = 0.0
        self._outlook = Outlook()
        self._in_flight = in_flight
        #: When the limit was last in use.
        self._used_us = -1

    def __repr__(self) -> str:
        return f"<Adaptive {self._in_flight} of {self._limit:.2f}>"

    @property
    def limit(self) -> float:
        """How many calls at a time, on average."""
        return self._limit

    @property
    def in_flight(self) -> int:
        """Calls that are out."""
        return self._in_flight

    @property
    def resume_us(self) -> int:
        """Until when the provider has asked to be left alone."""
        return self._resume_us

    def leave(self, now_us: int) -> Leave:
        """Return how many more calls may begin now, and when to ask again."""
        if now_us < self._resume_us:
            return Leave(0, self._resume_us)
        whole = int(self._limit)
        free = whole - self._in_flight
        if free < 0 or self._limit == whole:
            return Leave(max(free, 0))
        return Leave(free + 1) if now_us >= self._extra_us else Leave(free, self._extra_us)

    def started(self, now_us: int) -> None:
        """Hear that a call has begun."""
        whole = int(self._limit)
        if self._in_flight >= whole and self._limit > whole:
            self._extra_us = now_us + round(self._latency_us / (self._limit - whole))
        self._in_flight += 1
        self._look(now_us)

    def finished(self, now_us: int, latency_us: int, said: Heard, signal: RateSignal | None = None) -> None:
        """Hear that a call has ended, so long after it began: that may be a little after it was let in."""
        self._look(now_us)
        began_us = now_us - latency_us
        self._in_flight -= 1
        if said is Heard.SERVED:
            self._grow(began_us, now_us, latency_us)
        elif said is not Heard.OTHER:
            self._refused(said, began_us, now_us)
            if signal is not None and signal.retry_after is not None:
                pause = min(signal.retry_after, _LONGEST_PAUSE)
                self._resume_us = max(self._resume_us, now_us + round(pause * 1e6))
        if signal is not None and signal.allowances:
            excess = 1 - self._outlook.look(signal, began_us, round(self._latency_us))
            if excess > 0:
                self._drop(excess, began_us, now_us)

    def _grow(self, began_us: int, now_us: int, latency_us: int) -> None:
        self._served += 1
        self._count_overload(0)
        self._latency_us += (latency_us - self._latency_us) * max(_SMOOTH, 1 / self._served)
        if self._used_us >= began_us:
            self._limit = min(self._limit + min(self._gain(now_us), 1.0), self._ceiling)

    def _count_overload(self, one: int) -> None:
        self._overloaded += (one - self._overloaded) * _SHARE
        self._overloaded_lately += (one - self._overloaded_lately) * _SHARE_LATELY

    def _refused(self, said: Heard, began_us: int, now_us: int) -> None:
        if said is Heard.OVERLOADED:
            self._count_overload(1)
            if self._overloaded <= _TOLERATED and self._overloaded_lately <= _TOLERATED_LATELY:
                return
        self._drop(_FIRST_DROP if self._dropped_us is None else DROP, began_us, now_us)

    def _look(self, now_us: int) -> None:
        """Note that the limit is in use up to now, if it is."""
        if self._in_flight >= _IN_USE * int(self._limit):
            self._used_us = now_us

    def _gain(self, now_us: int) -> float:
        if self._dropped_us is None:
            return 1.0
        rounds = (now_us - self._dropped_us) / max(self._latency_us, 1.0)
        capacity = self._outlook.capacity
        if capacity is None:
            usual = GAIN
        else:
            usual = min(_COMMON_GAIN * capacity * self._latency_us / 1e6 / self._limit, _MOST_GAIN)
        return usual * max(rounds / _PATIENCE, 1.0) ** 3

    def _drop(self, share: float, began_us: int, now_us: int) -> None:
        """Drop, unless the call that says so began before the last drop: then it speaks of the limit before it."""
        if self._dropped_us is None or began_us >= self._dropped_us:
            self._limit = max(self._limit * (1 - share), FLOOR)
            self._dropped_us = now_us
