"""From Converse's answer to a chat completion.

Source: botocore 1.44.8, bedrock-runtime service-2.json, `ConverseResponse` and beside. Of a block, the only field there
is says what it is.
"""

import binascii
from base64 import b64decode
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
from ..completion_body import Call, ChatCompletion, Choice, FunctionCall, Message, created_at, encode_json, usage_of
from ..errors import malformed, setback
from ..native import answered, ended
from .models import model_of

_UNSET: Final = msgspec.UNSET
_CALL_ID: Final = "x-amzn-requestid"
#: Tiers that OpenAI has words for: `reserved` is not paid by the token.
_TIERS: Final[Mapping[str | None, str]] = {each: each for each in ("default", "flex", "priority")}


class _Part(msgspec.Struct, gc=False, rename="camel"):
    pass


class _Written(_Part):
    """Of what was written to the cache, by how long it stays there: `5m` or `1h`."""

    ttl: str = ""
    input_tokens: Count = 0


class _Usage(_Part):
    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None
    cache_details: list[_Written] | None = None


class _ToolUse(_Part):
    tool_use_id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")
    #: Set for a tool of the server's.
    type: str | None = None


class _ReasoningText(_Part):
    text: str = ""
    signature: str | None = None


class _Reasoning(_Part):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Text(_Part):
    text: str = ""


class _Cited(_Part):
    content: list[_Text] = []


class _Block(_Part):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citations_content: _Cited | None = None

    @property
    def is_known(self) -> bool:
        """Whether it is one that OpenAI's wire has words for."""
        if self.tool_use is not None:
            return self.tool_use.type is None
        return not (self.text is None and self.reasoning_content is None and self.citations_content is None)


class _Message(_Part):
    content: list[_Block]


class _Output(_Part):
    message: _Message


class _Tier(_Part):
    type: str | None = None


class _Answer(_Part):
    output: _Output
    stop_reason: str | None = None
    usage: _Usage | None = None
    service_tier: _Tier | None = None


class _Thinking(msgspec.Struct, gc=False, tag="thinking"):
    thinking: str
    signature: str


class _Redacted(msgspec.Struct, gc=False, tag="redacted_thinking"):
    data: str


_answer: Final = msgspec.json.Decoder(_Answer)


def decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer.usage)
    finish = ended(target, answer.stop_reason)
    if isinstance(finish, Failure):
        return setback(reply, target, finish, tokens)
    message = _said(answer.output.message.content, target)
    if isinstance(message, Failure):
        return setback(reply, target, message, tokens)
    tier = None if answer.service_tier is None else _TIERS.get(answer.service_tier.type)
    request_id = reply.headers.get(_CALL_ID, "")
    body = ChatCompletion(
        id=request_id or request.id,
        created=created_at(reply.headers, request),
        model=target.upstream_model,
        choices=[Choice(0, message, finish)],
        usage=usage_of(tokens),
        service_tier=tier or _UNSET,
    )
    return Completion(reply.status, encode_json(body), request_id, tokens, tier)


def _said(blocks: list[_Block], target: Target) -> Message | Failure:
    """Put the blocks of an answer together; one that was not asked for cannot be told in OpenAI's words."""
    if not all(block.is_known for block in blocks):
        return malformed("a block of another type", "text, toolUse, reasoningContent and citationsContent")
    texts = [text for block in blocks for text in _texts(block)]
    calls = [_call(block.tool_use) for block in blocks if block.tool_use is not None]
    thoughts = [block.reasoning_content for block in blocks if block.reasoning_content is not None]
    told = "".join(each.reasoning_text.text for each in thoughts if each.reasoning_text is not None)
    return Message(
        content="".join(texts) if texts else None,
        tool_calls=calls or _UNSET,
        reasoning_content=told or _UNSET,
        extra_content=_to_be_told_again(thoughts, target),
    )


def _texts(block: _Block) -> list[str]:
    if block.citations_content is not None:
        return [each.text for each in block.citations_content.content]
    return [] if block.text is None else [block.text]


def _call(use: _ToolUse) -> Call:
    return Call(use.tool_use_id, FunctionCall(use.name, bytes(use.input).decode()))


def _to_be_told_again(thoughts: list[_Reasoning], target: Target) -> msgspec.Raw | msgspec.UnsetType:
    """Return Claude's thoughts as Anthropic's blocks: its signature counts wherever it is asked next."""
    if not thoughts or model_of(target.upstream_model, target.service.options.get("base_model", "")).claude is None:
        return _UNSET
    blocks: list[_Thinking | _Redacted] = []
    for each in thoughts:
        text = each.reasoning_text
        if text is not None and text.signature:
            blocks.append(_Thinking(text.text, text.signature))
        elif each.redacted_content is not None and (data := _unwrapped(each.redacted_content)):
            blocks.append(_Redacted(data))
    return msgspec.Raw(encode_json({"anthropic": {"thinking": blocks}})) if blocks else _UNSET


def _unwrapped(content: str) -> str | None:
    """Return Anthropic's own text of redacted thoughts, which Converse puts into Base64 once more."""
    try:
        return b64decode(content, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Count tokens: Converse's input is what was neither read from the cache nor written to it."""
    if usage is None:
        return None
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    return Tokens(
        input=usage.input_tokens + cached + written,
        cached=cached,
        cache_write=written,
        output=usage.output_tokens,
        cache_write_1h=sum(each.input_tokens for each in usage.cache_details or () if each.ttl == "1h"),
    )
