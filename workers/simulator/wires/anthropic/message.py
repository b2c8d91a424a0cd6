"""Anthropic's answer: a Message."""

import msgspec

from ...tokens import Usage


class TextBlock(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """Text."""

    text: str
    citations: None = None


class ThinkingBlock(msgspec.Struct, frozen=True, gc=False, tag="thinking"):
    """A thought."""

    thinking: str
    signature: str


class ToolUseBlock(msgspec.Struct, frozen=True, gc=False, tag="tool_use"):
    """A call of a tool."""

    id: str
    name: str
    input: msgspec.Raw


class CacheCreation(msgspec.Struct, frozen=True, gc=False):
    """For how long what was written to the cache is kept."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int = 0


class OutputDetails(msgspec.Struct, frozen=True, gc=False):
    """What the output's tokens were."""

    thinking_tokens: int


class MessageUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens: the input is without those that were read from the cache or written to it."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: CacheCreation
    output_tokens_details: OutputDetails
    service_tier: str = "standard"


class StopDetails(msgspec.Struct, frozen=True, gc=False, tag="refusal"):
    """Why an answer was refused."""

    explanation: str
    category: None = None


class MessageObject(msgspec.Struct, frozen=True, gc=False, tag="message"):
    """The answer."""

    id: str
    model: str
    content: tuple[TextBlock | ThinkingBlock | ToolUseBlock, ...]
    stop_reason: str
    usage: MessageUsage
    role: str = "assistant"
    stop_sequence: None = None
    stop_details: StopDetails | None = None


def usage_of(usage: Usage) -> MessageUsage:
    """Return tokens as Anthropic counts them."""
    return MessageUsage(
        usage.input - usage.cached - usage.written,
        usage.output,
        usage.written,
        usage.cached,
        CacheCreation(usage.written),
        OutputDetails(usage.reasoning),
    )
