"""Counts what the gateway says it does. On the hot path: additions on plain numbers, about 3 µs a request."""

from collections.abc import Iterator
from typing import Final

from ...schemas.failures import Code
from ...schemas.money import NANO_PER_USD
from ...schemas.reply import Reply
from ...schemas.usage import Outcome, UsageEvent
from . import catalogue as of
from .readings import Histogram, Reading

#: Deployments come from the config, or from the requests where there is no config: their number must stay bounded.
_MOST_DEPLOYMENTS: Final = 1_000
_OTHER: Final = "other"
_MS: Final = 1000


class MetricsListener:
    """A gateway `Listener` that keeps numbers, and is a `Source` of readings when called."""

    def __init__(self) -> None:
        self._deliveries = self._in_flight = self._in_flight_bytes = 0
        self._replies: dict[tuple[str, str], int] = {}
        self._waits: dict[str, Histogram] = {}
        self._refusals: dict[str, int] = {}
        self._dead_letters: dict[str, int] = {}
        self._deployments: dict[str, _Deployment] = {}

    def admitted(self, requests: int, bytes_: int) -> None:
        """Count deliveries taken in."""
        self._deliveries += requests
        self._in_flight += requests
        self._in_flight_bytes += bytes_

    def finished(self, bytes_: int) -> None:
        """Count one delivery less in memory."""
        self._in_flight -= 1
        self._in_flight_bytes -= bytes_

    def attempted(self, event: UsageEvent) -> None:
        """Count an attempt, or a refusal."""
        if event.outcome is Outcome.REFUSED:
            code = event.code or ""
            self._refusals[code] = self._refusals.get(code, 0) + 1
            return
        deployment = self._deployments.get(event.deployment)
        (self._new_deployment(event.deployment) if deployment is None else deployment).count(event)

    def replied(self, reply: Reply, lane: str) -> None:
        """Count a reply, and how long its request waited."""
        account = reply.headgate
        which = (lane, account.status)
        self._replies[which] = self._replies.get(which, 0) + 1
        wait = self._waits.get(lane)
        if wait is None:
            wait = self._waits[lane] = Histogram(of.QUEUE_WAIT)
        wait.observe(account.queue_ms / _MS)

    def dead_lettered(self, code: str) -> None:
        """Count a dead letter."""
        self._dead_letters[code] = self._dead_letters.get(code, 0) + 1

    def _new_deployment(self, name: str) -> "_Deployment":
        name = name if len(self._deployments) < _MOST_DEPLOYMENTS else _OTHER
        return self._deployments.setdefault(name, _Deployment())

    def __call__(self) -> Iterator[Reading]:
        """Read all numbers."""
        yield Reading(of.DELIVERIES, self._deliveries)
        yield Reading(of.IN_FLIGHT, self._in_flight)
        yield Reading(of.IN_FLIGHT_BYTES, self._in_flight_bytes)
        for (lane, status), count in self._replies.items():
            yield Reading(of.REPLIES, count, (lane, status))
        for lane, wait in self._waits.items():
            yield Reading(of.QUEUE_WAIT, wait, (lane,))
        for metric, counts in ((of.REFUSALS, self._refusals), (of.DEAD_LETTERS, self._dead_letters)):
            for code, count in counts.items():
                yield Reading(metric, count, (code,))
        for name, deployment in self._deployments.items():
            yield from deployment.read(name)


class _Deployment:
    """The numbers of one deployment."""

    __slots__ = (
        "_attempts",
        "_cache_write",
        "_cached",
        "_cost_nano",
        "_input",
        "_output",
        "_reasoning",
        "_retries",
        "_seconds",
        "_uncertain_nano",
    )

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str | None], int] = {}
        self._seconds = Histogram(of.ATTEMPT_SECONDS)
        self._retries = self._cost_nano = self._uncertain_nano = 0
        self._input = self._cached = self._cache_write = self._output = self._reasoning = 0

    def count(self, event: UsageEvent) -> None:
        which = (event.outcome, event.code)
        self._attempts[which] = self._attempts.get(which, 0) + 1
        if event.code != Code.INTERRUPTED:  # how long that one took, its worker took to the grave
            self._seconds.observe(event.latency_ms / _MS)
        if event.attempt > 1:
            self._retries += 1
        self._cost_nano += event.cost_nano
        if event.outcome is Outcome.UNCERTAIN:
            self._uncertain_nano += event.cost_nano
        self._input += event.input_tokens
        self._output += event.output_tokens
        self._cached += event.cached_tokens
        self._cache_write += event.cache_write_tokens
        self._reasoning += event.reasoning_tokens

    def read(self, name: str) -> Iterator[Reading]:
        for (outcome, code), count in self._attempts.items():
            yield Reading(of.ATTEMPTS, count, (name, outcome, code or ""))
        yield Reading(of.ATTEMPT_SECONDS, self._seconds, (name,))
        yield Reading(of.RETRIES, self._retries, (name,))
        yield Reading(of.COST, self._cost_nano / NANO_PER_USD, (name,))
        yield Reading(of.UNCERTAIN_COST, self._uncertain_nano / NANO_PER_USD, (name,))
        kinds = {
            "input": self._input,
            "cached": self._cached,
            "cache_write": self._cache_write,
            "output": self._output,
            "reasoning": self._reasoning,
        }
        for kind, count in kinds.items():
            yield Reading(of.TOKENS, count, (name, kind))
