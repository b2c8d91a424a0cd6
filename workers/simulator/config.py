"""What a simulator is told before it starts."""

from dataclasses import dataclass, field
from typing import Final

from .faults import FaultRate, checked_rates
from .latency import Fixed, Latency

DEFAULT_MODELS: Final = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Everything that the answers depend on besides the request; raises `ValueError` when it makes no sense."""

    #: Another seed gives every request another answer.
    seed: int = 0
    #: From the last byte of a request to the first of its answer.
    latency: Latency = field(default_factory=Fixed)
    #: The least and most tokens of an answer that nothing limits.
    output_tokens: tuple[int, int] = (16, 128)
    #: The least and most tokens thought before an answer, when the request asks for reasoning.
    reasoning_tokens: tuple[int, int] = (32, 256)
    #: The share of prompts of 1,024 tokens and more whose beginning was cached.
    cached_rate: float = 0.5
    #: The length of an embedding whose request names none.
    dimensions: int = 256
    #: What `GET /v1/models` lists.
    models: tuple[str, ...] = DEFAULT_MODELS
    #: Whether any other model is a 404.
    only_these_models: bool = False
    #: Longer prompts are refused; None: there is no limit.
    context_tokens: int | None = None
    #: Faults by share of attempts.
    faults: tuple[FaultRate, ...] = ()
    #: Milliseconds after which the `timeout` fault answers.
    timeout_ms: float = 600_000
    #: Milliseconds for which the `keepalive` fault sends blank lines, and from one to the next.
    keepalive_ms: float = 3_000
    keepalive_every_ms: float = 500
    #: More are answered 429 with `retry-after`; None: there is no limit.
    max_requests_per_second: float | None = None
    #: The bearer token to be shown; None: any, or none.
    api_key: str | None = None
    #: Larger requests are refused.
    max_head_bytes: int = 64 * 1024
    max_body_bytes: int = 16 * 1024 * 1024
    #: Requests under way on one connection, above which it is not read.
    max_pipelined: int = 128
    #: Milliseconds that a stop waits for the answers under way.
    drain_ms: float = 5_000

    def __post_init__(self) -> None:
        checked_rates(self.faults)
        _range("output_tokens", self.output_tokens)
        _range("reasoning_tokens", self.reasoning_tokens)
        _expect(0 <= self.cached_rate <= 1, "cached_rate", "0 to 1", self.cached_rate)
        _expect(1 <= self.dimensions <= 4096, "dimensions", "1 to 4096", self.dimensions)
        rate = self.max_requests_per_second
        _expect(rate is None or rate > 0, "max_requests_per_second", "more than 0", rate)
        _expect(self.keepalive_every_ms > 0, "keepalive_every_ms", "more than 0", self.keepalive_every_ms)
        _expect(self.max_pipelined > 0, "max_pipelined", "1 or more", self.max_pipelined)


def _range(name: str, given: tuple[int, int]) -> None:
    low, high = given
    _expect(0 < low <= high, name, "the least, then the most, from 1 up", given)


def _expect(true: bool, name: str, expected: str, given: object) -> None:  # noqa: FBT001 - it is the condition itself
    if not true:
        raise ValueError(f"simulator: expected {name} to be {expected}, got {given!r}")
