"""The answer of generateContent."""

import msgspec

from ...tokens import Usage


class CallPart(msgspec.Struct, frozen=True, gc=False):
    """A call of a function."""

    name: str
    args: msgspec.Raw


class SaidPart(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A thought, a text or a call."""

    text: str | None = None
    thought: bool = False
    function_call: CallPart | None = None
    thought_signature: str = ""


class SaidContent(msgspec.Struct, frozen=True, gc=False):
    """What the model says."""

    parts: tuple[SaidPart, ...]
    role: str = "model"


class Candidate(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One answer."""

    content: SaidContent
    finish_reason: str
    index: int


class UsageMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """Tokens: the prompt is with those that were cached, the candidates without their thoughts."""

    prompt_token_count: int
    total_token_count: int
    candidates_token_count: int = 0
    cached_content_token_count: int = 0
    thoughts_token_count: int = 0


class Generated(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The answer."""

    candidates: tuple[Candidate, ...]
    usage_metadata: UsageMetadata
    model_version: str
    response_id: str


def usage_of(usage: Usage) -> UsageMetadata:
    """Return tokens as Google counts them."""
    return UsageMetadata(
        usage.input, usage.input + usage.output, usage.output - usage.reasoning, usage.cached, usage.reasoning
    )
