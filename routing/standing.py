"""What planning may know of the moment: how deployments are doing. Everything here is asked for each plan, so cheap."""

from collections.abc import Callable
from typing import Protocol

from ..schemas.request import Request
from .estimate import TokenEstimate
from .target import Target
from .twins import estimated_calls


class Standing(Protocol):
    """How the deployments are doing, by their ids."""

    def in_flight(self, deployment: str, /) -> int:
        """Return how many calls to it are under way."""
        ...

    def seconds_per_token(self, deployment: str, /) -> float | None:
        """Return how long its answers take per output token, a moving mean; None if nobody knows."""
        ...

    def left(self, deployment: str, /) -> float | None:
        """Return which share of its tightest limit is left; None if it has none, or nobody knows.

        From 1 down to 0, and below where more is planned than there is.
        """
        ...

    def planned(self, request: Request, target: Target, /) -> None:
        """Hear that a request will be sent to a target first; only where a route goes by what is left."""
        ...

    def is_open(self, deployment: str, /) -> bool:
        """Say whether it is out: its circuit is open, or all of its credentials are paused."""
        ...

    def turn(self, node: str, /) -> int:
        """Return a number that is one higher each time it is asked for this branch of a route."""
        ...

    def expected(self, request: Request, target: Target, /) -> TokenEstimate:
        """Return what an attempt is expected to take."""
        ...


def usual(request: Request, target: Target) -> TokenEstimate:
    """Expect what the body alone suggests."""
    tokens, twins = estimated_calls(request, target)
    input_, output = tokens.input * twins, tokens.output * twins
    return TokenEstimate(input_, output, input_, output, twins=twins)


class Quiet:
    """The peer that has heard nothing of any deployment: for dry runs, and for whoever has nobody to ask."""

    def __init__(self, expect: Callable[[Request, Target], TokenEstimate] = usual) -> None:
        self._expect = expect
        self._turns: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Quiet, {len(self._turns)} branches took turns>"

    def in_flight(self, _: str) -> int:
        """Count nothing."""
        return 0

    def seconds_per_token(self, _: str) -> float | None:
        """Know nothing."""
        return None

    def left(self, _: str) -> float | None:
        """Know nothing."""
        return None

    def planned(self, _: Request, __: Target) -> None:
        """Remember nothing."""

    def is_open(self, _: str) -> bool:
        """Hold every deployment for sound."""
        return False

    def turn(self, node: str) -> int:
        """Return how often this was asked for a branch before."""
        turn = self._turns.get(node, 0)
        self._turns[node] = turn + 1
        return turn

    def expected(self, request: Request, target: Target) -> TokenEstimate:
        """Return what was to be expected without any news."""
        return self._expect(request, target)
