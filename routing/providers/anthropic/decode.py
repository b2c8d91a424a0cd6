"""From Anthropic's Message to a chat completion."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.reply import Tokens
from ....schemas.request import Request
from ...http import HttpReply
from ...outcome import Completion, Setback
from ...target import Target
from ..chat import Count
from ..completion_body import (
    Call,
    ChatCompletion,
    Choice,
    FunctionCall,
    Message,
    created_at,
    encode_json,
    usage_of,
)
from ..errors import malformed, setback
from ..native import answered, ended

_UNSET: Final = msgspec.UNSET
#: What the tiers that a Message names are called at OpenAI.
_TIERS: Final[Mapping[str | None, str]] = {"standard": "default", "priority": "priority"}
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
_BLOCKS: Final = _THOUGHTS | {"text", "tool_use"}


class _Details(msgspec.Struct, gc=False):
    thinking_tokens: Count | None = None


class _Written(msgspec.Struct, gc=False):
    """Of what was written to the cache; the rest stays for five minutes."""

    ephemeral_1h_input_tokens: Count | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Count
    output_tokens: Count
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: _Written | None = None
    output_tokens_details: _Details | None = None
    service_tier: str | None = None


class _Block(msgspec.Struct, gc=False):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _StopDetails(msgspec.Struct, gc=False):
    explanation: str | None = None


class _Message(msgspec.Struct, gc=False):
    id: str
    model: str
    content: list[_Block]
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None
    usage: _Usage | None = None


class _Thinking(msgspec.Struct, gc=False, tag="thinking"):
    thinking: str
    signature: str


class _Redacted(msgspec.Struct, gc=False, tag="redacted_thinking"):
    data: str


_message: Final = msgspec.json.Decoder(_Message)


def decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    answer = answered(reply, target, _message)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer.usage)
    finish = ended(target, answer.stop_reason)
    if isinstance(finish, Failure):
        return setback(reply, target, finish, tokens)
    message = _said(answer)
    if isinstance(message, Failure):
        return setback(reply, target, message, tokens)
    tier = None if answer.usage is None else _TIERS.get(answer.usage.service_tier)
    body = ChatCompletion(
        id=answer.id,
        created=created_at(reply.headers, request),
        model=answer.model,
        choices=[Choice(0, message, finish)],
        usage=usage_of(tokens),
        service_tier=tier or _UNSET,
    )
    request_id = reply.headers.get("request-id") or answer.id
    return Completion(reply.status, encode_json(body), request_id, tokens, tier)


def _said(answer: _Message) -> Message | Failure:
    """Put the blocks of an answer together; one that was not asked for cannot be told in OpenAI's words."""
    blocks = answer.content
    odd = next((block.type for block in blocks if block.type not in _BLOCKS), None)
    if odd is not None:
        return malformed(f"a block of type {odd!r}", "text, tool_use and thinking")
    texts = [block.text for block in blocks if block.type == "text"]
    calls = [
        Call(block.id, FunctionCall(block.name, _json(block.input))) for block in blocks if block.type == "tool_use"
    ]
    thoughts = [
        _Thinking(block.thinking, block.signature) if block.type == "thinking" else _Redacted(block.data)
        for block in blocks
        if block.type in _THOUGHTS
    ]
    return Message(
        content="".join(texts) if texts else None,
        refusal=None if answer.stop_details is None else answer.stop_details.explanation,
        tool_calls=calls or _UNSET,
        reasoning_content="".join(block.thinking for block in blocks) or _UNSET,
        extra_content=msgspec.Raw(encode_json({"anthropic": {"thinking": thoughts}})) if thoughts else _UNSET,
    )


def _json(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Count tokens: Anthropic's input is what was neither read from the cache nor written to it."""
    if usage is None:
        return None
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details, hourly = usage.output_tokens_details, usage.cache_creation
    return Tokens(
        input=usage.input_tokens + cached + written,
        cached=cached,
        cache_write=written,
        output=usage.output_tokens,
        reasoning=0 if details is None else details.thinking_tokens or 0,
        cache_write_1h=0 if hourly is None else hourly.ephemeral_1h_input_tokens or 0,
    )
