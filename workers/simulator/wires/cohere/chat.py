"""Answers to `POST /v2/chat`.

A chat has more tokens than are billed, because Cohere's own prompt is free; and no tokens of thought are told, so that
the books have none either.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, invalid, missing
from ...speech import ANY_OBJECT, Speech, Tool, Wish
from ...tokens import PER_IMAGE, PER_MESSAGE, PER_PROMPT
from ..answer import Answer, without_reasoning
from ..head import NO_SCRIPT, Head, read_head
from ..prompt import raw_tokens, text_tokens
from ..telling import Asked, Told, tell
from ..tools import ANY_ARGUMENTS, choose
from ..wire import Sent
from .billed import Count

#: Tokens of the prompt that Cohere puts before the request's own.
_OWN_PROMPT: Final = 60
_NONE: Final = msgspec.Raw(b"")


class Part(msgspec.Struct, frozen=True, gc=False):
    """A part of a message's content; a document is weighed as it was sent."""

    type: str
    text: str = ""
    thinking: str = ""
    document: msgspec.Raw = _NONE


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message."""

    role: str
    content: str | tuple[Part, ...] | None = None
    tool_plan: str | None = None
    tool_calls: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Function(msgspec.Struct, frozen=True, gc=False):
    """A function."""

    name: str
    parameters: msgspec.Raw = _NONE


class ToolGiven(msgspec.Struct, frozen=True, gc=False):
    """What a function is in."""

    function: Function


class Format(msgspec.Struct, frozen=True, gc=False):
    """What the answer looks like."""

    type: str
    json_schema: msgspec.Raw = _NONE


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Whether the model thinks."""

    type: str


class ChatBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a chat."""

    model: str | None = None
    messages: tuple[Message, ...] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tools: tuple[ToolGiven, ...] = ()
    tool_choice: str | None = None
    response_format: Format | None = None
    thinking: Thinking | None = None
    stream: bool | None = None


class AsSent(msgspec.Struct, frozen=True, gc=False):
    """What is weighed as it came."""

    tools: msgspec.Raw = _NONE
    documents: msgspec.Raw = _NONE


class TextItem(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """Text."""

    text: str


class ThinkingItem(msgspec.Struct, frozen=True, gc=False, tag="thinking"):
    """A thought."""

    thinking: str


class SaidFunction(msgspec.Struct, frozen=True, gc=False):
    """The function of a call."""

    name: str
    arguments: str


class SaidCall(msgspec.Struct, frozen=True, gc=False, tag="function"):
    """A call."""

    id: str
    function: SaidFunction


class SaidMessage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What the assistant says."""

    role: str
    content: tuple[TextItem | ThinkingItem, ...] | None = None
    tool_plan: str | None = None
    tool_calls: tuple[SaidCall, ...] | None = None


class ChatUsage(msgspec.Struct, frozen=True, gc=False):
    """What is billed, and what was read and written."""

    billed_units: Count
    tokens: Count
    cached_tokens: int


class Chatted(msgspec.Struct, frozen=True, gc=False):
    """The answer of a chat."""

    id: str
    finish_reason: str
    message: SaidMessage
    usage: ChatUsage


_chat: Final = msgspec.json.Decoder(ChatBody)
_sent: Final = msgspec.json.Decoder(AsSent)


def answer_chat(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to a chat; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _chat.decode(sent.body)
    head = read_head(given.model, NO_SCRIPT, pen.shelf, stream=given.stream)
    asked = head if isinstance(head, Refusal) else _asked(given, head, sent.body, numbers)
    return without_reasoning(tell(given.model, asked, numbers, pen, partial(_written, pen.words.phrase)))


def _asked(given: ChatBody, head: Head, body: bytes, numbers: Draw) -> Asked | Refusal:
    if not given.messages:
        return missing("messages")
    tool = _tool(given, numbers)
    if isinstance(tool, Refusal):
        return tool
    form, schema = given.response_format, None
    if form is not None and form.type == "json_object":
        schema = bytes(form.json_schema) or ANY_OBJECT
    thinks = given.thinking is not None and given.thinking.type == "enabled"
    as_sent = _sent.decode(body)
    prompt = PER_PROMPT + raw_tokens(as_sent.tools) + raw_tokens(as_sent.documents) + sum(map(_message, given.messages))
    return Asked(head, prompt, "messages", Wish(given.max_tokens, schema, tool, thinks))


def _message(message: Message) -> int:
    count = PER_MESSAGE + text_tokens(message.tool_plan) + raw_tokens(message.tool_calls)
    if message.content is None or isinstance(message.content, str):
        return count + text_tokens(message.content)
    return count + sum(map(_part, message.content))


def _part(part: Part) -> int:
    if "image" in part.type:
        return PER_IMAGE
    return text_tokens(part.text) + text_tokens(part.thinking) + raw_tokens(part.document)


def _tool(given: ChatBody, numbers: Draw) -> Tool | Refusal | None:
    if given.tool_choice is None or given.tool_choice == "NONE":
        return None
    if given.tool_choice != "REQUIRED":
        return invalid("tool_choice", f"invalid tool_choice: expected REQUIRED or NONE, got {given.tool_choice!r}")
    functions = [each.function for each in given.tools]
    return choose([Tool(each.name, bytes(each.parameters) or ANY_ARGUMENTS) for each in functions], None, numbers)


def _written(phrase: Callable[[int], str], told: Told) -> Chatted:
    speech, usage, code = told.speech, told.usage, told.numbers.code
    thought = (ThinkingItem(phrase(told.numbers.reasoning)),) if speech.reasoning else ()
    tokens = ChatUsage(
        Count(usage.input, usage.output), Count(usage.input + _OWN_PROMPT, usage.output), cached_tokens=usage.cached
    )
    return Chatted(code, _finish_reason(speech), _said(speech, thought, code), tokens)


def _said(speech: Speech, thought: tuple[ThinkingItem, ...], code: str) -> SaidMessage:
    if speech.tool is not None:
        call = SaidCall(f"{speech.tool.name}_{code}", SaidFunction(speech.tool.name, speech.text))
        return SaidMessage(role="assistant", content=thought or None, tool_plan="I will call it.", tool_calls=(call,))
    said = (TextItem(speech.text),) if speech.text else ()
    return SaidMessage(role="assistant", content=(*thought, *said))


def _finish_reason(speech: Speech) -> str:
    if speech.cut:
        return "MAX_TOKENS"
    return "COMPLETE" if speech.tool is None else "TOOL_CALL"
