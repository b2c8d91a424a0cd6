"""How many calls a deployment takes at the moment: learned by this worker, from answers and their headers."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from ...routing.health.adaptive import Adaptive, Heard, heard
from ...routing.http import HttpReply
from ...routing.outcome import Completion, Setback
from ...routing.providers.signals import RateSignal, rate_signal

#: A name in a header that says something of rate limits contains one of these.
_TELLING: Final = ("ratelimit", "rate-limit", "retry-after")


class Brakes:
    """One adaptive limit for each deployment, from when its provider first says something of limits.

    Until then a deployment takes what a worker can give: a call to a model may last a minute, and who feels his way
    with such calls takes an hour to find out that nobody minds.
    """

    def __init__(self, ceiling: int, now_us: Callable[[], int]) -> None:
        """`ceiling` is the most calls of a deployment at a time; times are microseconds of one clock."""
        self._ceiling = ceiling
        self._now_us = now_us
        #: Calls that are out at deployments without a limit.
        self._free: Counter[str] = Counter()
        self._adaptive: dict[str, Adaptive] = {}

    def __repr__(self) -> str:
        return f"<Brakes {self._adaptive!r}>"

    def may_begin(self, deployment: str) -> bool:
        """Say whether one more call may begin; if so, it counts as begun."""
        adaptive = self._adaptive.get(deployment)
        if adaptive is None:
            self._free[deployment] += 1
            return True
        now_us = self._now_us()
        if not adaptive.leave(now_us).calls:
            return False
        adaptive.started(now_us)
        return True

    def crawls(self, deployment: str) -> bool:
        """Say whether it takes less than one call at a time, and none now: whoever waits for it waits for long."""
        adaptive = self._adaptive.get(deployment)
        return adaptive is not None and adaptive.limit < 1 and not adaptive.leave(self._now_us()).calls

    def resume_us(self, deployment: str) -> int:
        """Return until when its provider has asked to be left alone; 0 if it has not."""
        adaptive = self._adaptive.get(deployment)
        return 0 if adaptive is None else adaptive.resume_us

    def not_begun(self, deployment: str) -> None:
        """Take back what `may_begin` has counted."""
        adaptive = self._adaptive.get(deployment)
        if adaptive is None:
            self._free[deployment] -= 1
        else:
            adaptive.finished(self._now_us(), 0, Heard.OTHER)

    def begin_anew(self, deployment: str) -> None:
        """Hear that it is well again after an outage: what its limit fell to in that says nothing of what it takes now.

        It begins as it did after its first refusal, and doubles until the next: a limit that had to grow from the floor
        would need many minutes, where calls are slow.
        """
        adaptive = self._adaptive.get(deployment)
        if adaptive is not None:
            self._adaptive[deployment] = Adaptive(self._ceiling, in_flight=adaptive.in_flight)

    def ended(self, deployment: str, latency_us: int, result: Completion | Setback, signal: RateSignal | None) -> None:
        """Hear how a call ended."""
        said = heard(None if isinstance(result, Completion) else result.failure.code)
        adaptive = self._adaptive.get(deployment)
        if adaptive is None and said in (Heard.SERVED, Heard.OTHER) and (signal is None or not signal.allowances):
            self._free[deployment] -= 1
            return
        if adaptive is None:
            out = self._free.pop(deployment)
            adaptive = self._adaptive[deployment] = Adaptive(self._ceiling, in_flight=out)
        adaptive.finished(self._now_us(), latency_us, said, signal)

    @property
    def limits(self) -> Mapping[str, float]:
        """How many calls at a time, by deployment."""
        return {name: adaptive.limit for name, adaptive in self._adaptive.items()}


class Unbraked:
    """Lets every call begin: for tests, and for embedding without it."""

    def may_begin(self, deployment: str) -> bool:  # noqa: ARG002 - the port's name
        """Say yes."""
        return True

    def crawls(self, deployment: str) -> bool:  # noqa: ARG002 - the port's name
        """Say no."""
        return False

    def resume_us(self, deployment: str) -> int:  # noqa: ARG002 - the port's name
        """Know of no pause."""
        return 0

    def begin_anew(self, deployment: str) -> None:
        """Forget nothing: nothing was learned."""

    def not_begun(self, deployment: str) -> None:
        """Take nothing back."""

    def ended(self, deployment: str, latency_us: int, result: Completion | Setback, signal: RateSignal | None) -> None:
        """Learn nothing."""


def signal_of(outcome: HttpReply | Setback, provider: str) -> RateSignal | None:
    """Return what an answer says of the provider's rate limits, if anything: most say nothing, and cost nothing."""
    if not isinstance(outcome, HttpReply):
        return None
    names = "\n".join(outcome.headers)
    if outcome.status < 400 and not any(word in names for word in _TELLING):
        return None
    return rate_signal(outcome.headers, outcome.body if outcome.status >= 400 else b"", provider)
