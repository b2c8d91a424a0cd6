"""Converse's answer."""

import msgspec

from ...tokens import Usage
from .bodies import Tier


class SaidToolUse(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A call of a tool."""

    tool_use_id: str
    name: str
    input: msgspec.Raw


class SaidThought(msgspec.Struct, frozen=True, gc=False):
    """A thought, signed."""

    text: str
    signature: str


class SaidReasoning(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a thought is in."""

    reasoning_text: SaidThought


class SaidBlock(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A block: of its fields there is one."""

    text: str | None = None
    tool_use: SaidToolUse | None = None
    reasoning_content: SaidReasoning | None = None


class SaidMessage(msgspec.Struct, frozen=True, gc=False):
    """What the model says."""

    content: tuple[SaidBlock, ...]
    role: str = "assistant"


class Output(msgspec.Struct, frozen=True, gc=False):
    """What that is in."""

    message: SaidMessage


class TokenUsage(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Tokens: the input is without those that were read from the cache or written to it."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cache_read_input_tokens: int
    cache_write_input_tokens: int


class Metrics(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How long it took."""

    latency_ms: int = 0


class Conversed(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The answer."""

    output: Output
    stop_reason: str
    usage: TokenUsage
    metrics: Metrics = Metrics()
    service_tier: Tier | msgspec.UnsetType = msgspec.UNSET


def usage_of(usage: Usage) -> TokenUsage:
    """Return tokens as Converse counts them."""
    fresh = usage.input - usage.cached - usage.written
    return TokenUsage(fresh, usage.output, usage.input + usage.output, usage.cached, usage.written)
