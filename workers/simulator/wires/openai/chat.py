"""Answers to `POST /v1/chat/completions`."""

from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen, created
from ...refusal import Refusal, invalid, missing
from ...speech import ANY_OBJECT, Speech, Tool, Wish
from ...tokens import PER_PROMPT, Usage
from ..answer import Answer
from ..head import Head, read_head
from ..prompt import raw_tokens
from ..telling import Asked, Told, tell
from ..tools import ANY_ARGUMENTS, CHOICES, FORMATS, choose
from ..wire import Sent
from .bodies import (
    AllowedTools,
    AsSent,
    ChatBody,
    ChatTool,
    ChatToolChoice,
    JsonSchema,
    ResponseFormat,
    asks_reasoning,
    service_tier,
)
from .prompt import message_tokens


class Called(msgspec.Struct, frozen=True, gc=False):
    """The function of a tool call."""

    name: str
    arguments: str


class FunctionCall(msgspec.Struct, frozen=True, gc=False, tag="function"):
    """A call of a function tool."""

    id: str
    function: Called


class CalledCustom(msgspec.Struct, frozen=True, gc=False):
    """The custom tool of a tool call."""

    name: str
    input: str


class CustomCall(msgspec.Struct, frozen=True, gc=False, tag="custom"):
    """A call of a custom tool."""

    id: str
    custom: CalledCustom


class ChatMessage(msgspec.Struct, frozen=True, gc=False):
    """What the assistant says."""

    content: str | None
    role: str = "assistant"
    refusal: None = None
    annotations: tuple[()] = ()
    tool_calls: tuple[FunctionCall | CustomCall] | msgspec.UnsetType = msgspec.UNSET


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One of the `n` answers."""

    index: int
    message: ChatMessage
    finish_reason: str
    logprobs: None = None


class PromptDetails(msgspec.Struct, frozen=True, gc=False):
    """What the prompt's tokens were."""

    cached_tokens: int
    audio_tokens: int = 0
    cache_write_tokens: int = 0


class CompletionDetails(msgspec.Struct, frozen=True, gc=False):
    """What the answer's tokens were."""

    reasoning_tokens: int
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class ChatUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens, as the chat wire names them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class ChatCompletion(msgspec.Struct, frozen=True, gc=False):
    """The answer."""

    id: str
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: ChatUsage
    service_tier: str
    system_fingerprint: str
    object: str = "chat.completion"


_chat: Final = msgspec.json.Decoder(ChatBody)
_sent: Final = msgspec.json.Decoder(AsSent)


def answer_chat(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to a chat; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _chat.decode(sent.body)
    model = given.model or sent.model
    head = read_head(model, given.spoken, pen.shelf, stream=given.stream)
    asked = head if isinstance(head, Refusal) else _asked(given, head, sent.body, numbers)
    return tell(model, asked, numbers, pen, partial(_written, given, pen.fingerprint))


def _asked(given: ChatBody, head: Head, body: bytes, numbers: Draw) -> Asked | Refusal:
    if not given.messages:
        return missing("messages")
    wish = _wish(given, numbers)
    if isinstance(wish, Refusal):
        return wish
    prompt = PER_PROMPT + sum(map(message_tokens, given.messages))
    if given.tools:
        prompt += raw_tokens(_sent.decode(body).tools)
    return Asked(head, prompt, "messages", wish, given.n or 1)


def _written(given: ChatBody, fingerprint: str, told: Told) -> ChatCompletion:
    numbers = told.numbers
    return ChatCompletion(
        f"chatcmpl-{numbers.code}",
        created(numbers),
        told.model,
        tuple(_choice(index, each, numbers) for index, each in enumerate(told.speeches)),
        _usage(told.usage),
        service_tier(given.service_tier),
        fingerprint,
    )


def _wish(given: ChatBody, numbers: Draw) -> Wish | Refusal:
    tool = _tool(given, numbers)
    if isinstance(tool, Refusal):
        return tool
    schema = _schema(given.response_format)
    if isinstance(schema, Refusal):
        return schema
    limit = given.max_completion_tokens or given.max_tokens
    return Wish(limit, schema, tool, asks_reasoning(given.reasoning_effort))


def _schema(form: ResponseFormat | None) -> bytes | Refusal | None:
    match form:
        case None | ResponseFormat("text"):
            return None
        case ResponseFormat("json_object"):
            return ANY_OBJECT
        case ResponseFormat("json_schema", JsonSchema() as wanted):
            return bytes(wanted.schema) or ANY_OBJECT
        case ResponseFormat("json_schema"):
            return missing("response_format.json_schema")
        case _:
            return invalid("response_format.type", f"Invalid value: '{form.type}'. Supported values are: {FORMATS}.")


def _tool(given: ChatBody, numbers: Draw) -> Tool | Refusal | None:
    if given.tool_choice in (None, "auto", "none"):
        return None
    offered = [tool for each in given.tools or () for tool in (_offered(each),) if tool is not None]
    match given.tool_choice:
        case "required":
            return choose(offered, None, numbers)
        case ChatToolChoice("allowed_tools", allowed_tools=AllowedTools("required", tools)):
            return choose(offered, [name for name in map(_name, tools) if name], numbers)
        case ChatToolChoice("function" | "custom", function, custom):
            named = function or custom
            return choose(offered, [named.name] if named else [], numbers)
        case ChatToolChoice():
            return None
        case other:
            return invalid("tool_choice", f"Invalid value: '{other}'. Supported values are: {CHOICES}.")


def _offered(tool: ChatTool) -> Tool | None:
    if tool.function is not None:
        return Tool(tool.function.name, bytes(tool.function.parameters) or ANY_ARGUMENTS)
    return None if tool.custom is None else Tool(tool.custom.name)


def _name(tool: ChatTool) -> str | None:
    named = tool.function or tool.custom
    return None if named is None else named.name


def _choice(index: int, speech: Speech, numbers: Draw) -> Choice:
    said = ChatMessage(speech.text) if speech.tool is None else _call(index, speech.tool, speech.text, numbers)
    finished = "stop" if speech.tool is None else "tool_calls"
    return Choice(index, said, "length" if speech.cut else finished)


def _call(index: int, tool: Tool, text: str, numbers: Draw) -> ChatMessage:
    name = f"call_{numbers.code[:22]}{index:02x}"
    if tool.schema is None:
        return ChatMessage(None, tool_calls=(CustomCall(name, CalledCustom(tool.name, text)),))
    return ChatMessage(None, tool_calls=(FunctionCall(name, Called(tool.name, text)),))


def _usage(usage: Usage) -> ChatUsage:
    return ChatUsage(
        usage.input,
        usage.output,
        usage.input + usage.output,
        PromptDetails(usage.cached, cache_write_tokens=usage.written),
        CompletionDetails(usage.reasoning),
    )
