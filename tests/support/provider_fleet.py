"""A fleet of independent limits and the provider that it shares, in virtual time: no sleeps, no sockets."""

import heapq
import itertools
import random
from collections import Counter
from typing import NamedTuple

from headgate.routing.health.adaptive import Adaptive, Heard
from headgate.routing.providers.signals import Allowance, Dimension, RateSignal

US = 1_000_000
#: From when a call is let in to when it begins.
DOOR_US = 1_000
#: On the way there, and on the way back.
NETWORK_US = 25_000


class Parallel:
    """Takes so many calls at a time, and says nothing of it."""

    def __init__(self, limit):
        self.limit = limit
        self.busy = 0

    def begin(self, _now_us):
        taken = self.busy < self.limit
        self.busy += taken
        return taken, None

    def end(self):
        self.busy -= 1

    def capacity(self, latency):
        return self.limit / latency


class Bucket:
    """Takes so many calls a minute, and fills up all the time, as OpenAI's and Anthropic's limits do."""

    def __init__(self, per_minute, *, tells=True, retry_after=None, capacity_seconds=60.0):
        self.tells = tells
        self.retry_after = retry_after
        self.seconds = capacity_seconds
        self.per_minute = per_minute
        self.left = self.most
        self.at_us = 0

    @property
    def most(self):
        return self.per_minute / 60 * self.seconds

    def begin(self, now_us):
        self.left = min(self.left + (now_us - self.at_us) / US * self.per_minute / 60, self.most)
        self.at_us = now_us
        taken = self.left >= 1
        self.left -= taken
        return taken, self._signal(taken)

    def _signal(self, taken):
        allowances = ()
        if self.tells:
            reset = (self.most - self.left) / self.per_minute * 60
            allowances = (Allowance(Dimension.REQUESTS, int(self.left), self.most, reset),)
        return RateSignal(allowances, None if taken else self.retry_after)

    def end(self):
        pass

    def capacity(self, _latency):
        return self.per_minute / 60


class Window(Bucket):
    """Takes so many calls in each minute of the clock."""

    def begin(self, now_us):
        if now_us // (60 * US) != self.at_us // (60 * US):
            self.left = self.per_minute
        self.at_us = now_us
        taken = self.left >= 1
        self.left -= taken
        reset = 60 - now_us / US % 60
        allowances = (Allowance(Dimension.REQUESTS, self.left, self.per_minute, reset),) if self.tells else ()
        return taken, RateSignal(allowances, None if taken else reset)


class Figures(NamedTuple):
    attempts: int
    refused: int
    #: Served calls by limit.
    served: tuple[int, ...]
    seconds: float
    capacity: float

    @property
    def refused_share(self):
        return self.refused / max(self.attempts, 1)

    @property
    def utilisation(self):
        return sum(self.served) / self.seconds / self.capacity

    @property
    def fairness(self):
        """R. Jain's index: 1 where all are served the same, 1/n where one is served everything."""
        return sum(self.served) ** 2 / max(len(self.served) * sum(each * each for each in self.served), 1)


class Fleet:
    """Limits that always have calls waiting, and their provider."""

    def __init__(self, provider, size=8, latency=1.0, ceiling=1_000, seed=1):
        self.provider = provider
        self.latency = latency
        self.limits = [Adaptive(ceiling) for _ in range(size)]
        self.now_us = 0
        self.counts = Counter()
        self._chance = random.Random(seed)
        self._events = []
        self._numbers = itertools.count()
        for each in range(size):
            self._at(self._chance.randrange(US), self._begin, each)

    def _at(self, when_us, step, *known):
        heapq.heappush(self._events, (when_us, next(self._numbers), step, *known))

    def run(self, seconds):
        """Go on for so long, and return the figures of that time."""
        self.counts.clear()
        until = self.now_us + round(seconds * US)
        while self._events[0][0] <= until:
            self.now_us, _, step, *known = heapq.heappop(self._events)
            step(*known)
        self.now_us = until
        served = tuple(self.counts[each] for each in range(len(self.limits)))
        capacity = self.provider.capacity(self.latency)
        return Figures(self.counts["attempts"], self.counts["refused"], served, seconds, capacity)

    def _begin(self, each):
        leave = self.limits[each].leave(self.now_us)
        for _ in range(leave.calls):
            self.limits[each].started(self.now_us)
            self.counts["attempts"] += 1
            began_us = self.now_us + DOOR_US
            self._at(began_us + NETWORK_US, self._arrive, each, began_us)
        if leave.again_us is not None:
            self._at(leave.again_us, self._begin, each)

    def _arrive(self, each, began_us):
        taken, signal = self.provider.begin(self.now_us)
        if taken:
            self._at(self.now_us + round(self._draw() * US), self._leave, each, began_us, signal)
        else:
            self._at(self.now_us + NETWORK_US, self._end, each, began_us, signal, Heard.REFUSED)

    def _leave(self, each, began_us, signal):
        self.provider.end()
        self._at(self.now_us + NETWORK_US, self._end, each, began_us, signal, Heard.SERVED)

    def _draw(self):
        """Return seconds of the mean latency, spread as those of LLMs are: most below it, some far above."""
        sigma = 0.6
        return self.latency * self._chance.lognormvariate(-sigma * sigma / 2, sigma)

    def _end(self, each, began_us, signal, heard):
        self.counts[each] += heard is Heard.SERVED
        self.counts["refused"] += heard is Heard.REFUSED
        self.limits[each].finished(self.now_us, self.now_us - began_us, heard, signal)
        self._begin(each)
