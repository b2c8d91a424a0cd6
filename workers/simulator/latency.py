"""How long an answer takes: a distribution, asked for its value at a point of [0, 1), so that the hash decides."""

import math
from statistics import NormalDist
from typing import Final, assert_never

import msgspec

_NORMAL: Final = NormalDist()
_P99: Final = _NORMAL.inv_cdf(0.99)
_SPELLED: Final = "MS, uniform:LOW,HIGH or lognormal:MEDIAN,P99 (milliseconds)"


class Fixed(msgspec.Struct, frozen=True):
    """Always `ms` milliseconds."""

    ms: float = 0.0


class Uniform(msgspec.Struct, frozen=True):
    """Evenly between `low_ms` and `high_ms`."""

    low_ms: float
    high_ms: float


class Lognormal(msgspec.Struct, frozen=True):
    """The long-tailed shape that providers have: half below `median_ms`, one in a hundred above `p99_ms`."""

    median_ms: float
    p99_ms: float


Latency = Fixed | Uniform | Lognormal


def latency_ms(latency: Latency, point: float) -> float:
    """Return the milliseconds below which the share `point` of all answers lies."""
    match latency:
        case Fixed(ms):
            return ms
        case Uniform(low, high):
            return low + (high - low) * point
        case Lognormal(median, p99):
            # inv_cdf is not defined at 0; the smallest point above it is 2⁻⁵³.
            sigma = math.log(p99 / median) / _P99
            return median * math.exp(sigma * _NORMAL.inv_cdf(max(point, 2.0**-53)))
        case _:
            assert_never(latency)


def parse_latency(text: str) -> Latency:
    """Read a latency as it is spelled on the command line; raises `ValueError`.

    >>> parse_latency("20"), parse_latency("lognormal:200,2000")
    (Fixed(ms=20.0), Lognormal(median_ms=200.0, p99_ms=2000.0))
    """
    shape, colon, numbers = text.partition(":")
    latency = _latency(shape if colon else "fixed", _numbers(numbers if colon else text))
    if latency is None:
        raise ValueError(f"expected a latency as {_SPELLED}, got {text!r}")
    return latency


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    return numbers if all(0 <= number < math.inf for number in numbers) else []


def _latency(shape: str, numbers: list[float]) -> Latency | None:
    match shape, numbers:
        case "fixed", [ms]:
            return Fixed(ms)
        case "uniform", [low, high] if low <= high:
            return Uniform(low, high)
        case "lognormal", [median, p99] if 0 < median <= p99:
            return Lognormal(median, p99)
        case _:
            return None
