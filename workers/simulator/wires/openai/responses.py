"""Answers to `POST /v1/responses`."""

from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen, created
from ...refusal import Refusal, invalid, missing
from ...speech import ANY_OBJECT, Speech, Tool, Wish
from ...tokens import PER_MESSAGE, PER_PROMPT, Usage
from ..answer import Answer
from ..head import Head, read_head
from ..prompt import raw_tokens, text_tokens
from ..telling import Asked, Told, tell
from ..tools import ANY_ARGUMENTS, CHOICES, FORMATS, choose
from ..wire import Sent
from .bodies import AsSent, ResponsesAllowed, ResponsesBody, ResponsesTool, TextFormat, asks_reasoning, service_tier
from .prompt import item_tokens
from .responses_echo import echo_choice, echo_reasoning, echo_text, echo_tools
from .responses_wire import (
    CustomCallItem,
    FunctionCallItem,
    Incomplete,
    InputDetails,
    MessageItem,
    OutputDetails,
    OutputItem,
    OutputText,
    ReasoningItem,
    ResponseObject,
    ResponsesUsage,
)

_responses: Final = msgspec.json.Decoder(ResponsesBody)
_sent: Final = msgspec.json.Decoder(AsSent)


def answer_responses(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to an input; raises `msgspec.DecodeError` for a body that cannot be read."""
    given, as_sent = _responses.decode(sent.body), _sent.decode(sent.body)
    model = given.model or sent.model
    head = read_head(model, given.spoken, pen.shelf, stream=given.stream)
    asked = head if isinstance(head, Refusal) else _asked(given, head, as_sent, numbers)
    return tell(model, asked, numbers, pen, partial(_written, given, as_sent))


def _asked(given: ResponsesBody, head: Head, as_sent: AsSent, numbers: Draw) -> Asked | Refusal:
    if not given.input:
        return missing("input")
    wish = _wish(given, numbers)
    if isinstance(wish, Refusal):
        return wish
    return Asked(head, _prompt_tokens(given, as_sent), "input", wish)


def _prompt_tokens(given: ResponsesBody, as_sent: AsSent) -> int:
    count = PER_PROMPT + raw_tokens(as_sent.tools)
    if given.instructions is not None:
        count += PER_MESSAGE + text_tokens(given.instructions)
    if isinstance(given.input, str):
        return count + PER_MESSAGE + text_tokens(given.input)
    return count + sum(map(item_tokens, given.input or ()))


def _wish(given: ResponsesBody, numbers: Draw) -> Wish | Refusal:
    tool = _tool(given, numbers)
    if isinstance(tool, Refusal):
        return tool
    schema = _schema(None if given.text is None else given.text.format)
    if isinstance(schema, Refusal):
        return schema
    effort = None if given.reasoning is None else given.reasoning.effort
    return Wish(given.max_output_tokens, schema, tool, asks_reasoning(effort))


def _schema(form: TextFormat | None) -> bytes | Refusal | None:
    match form:
        case None | TextFormat("text"):
            return None
        case TextFormat("json_object"):
            return ANY_OBJECT
        case TextFormat("json_schema", schema):
            return bytes(schema) or ANY_OBJECT
        case _:
            return invalid("text.format.type", f"Invalid value: '{form.type}'. Supported values are: {FORMATS}.")


def _tool(given: ResponsesBody, numbers: Draw) -> Tool | Refusal | None:
    offered = [tool for each in given.tools or () for tool in (_offered(each),) if tool is not None]
    match given.tool_choice:
        case None | "auto" | "none":
            return None
        case "required":
            return choose(offered, None, numbers)
        case ResponsesAllowed("allowed_tools", mode="required", tools=tools):
            return choose(offered, [tool.name for tool in tools], numbers)
        case ResponsesAllowed("function" | "custom", str(name)):
            return choose(offered, [name], numbers)
        case ResponsesAllowed():
            return None
        case other:
            return invalid("tool_choice", f"Invalid value: '{other}'. Supported values are: {CHOICES}.")


def _offered(tool: ResponsesTool) -> Tool | None:
    match tool.type:
        case "function":
            return Tool(tool.name, bytes(tool.parameters) or ANY_ARGUMENTS)
        case "custom":
            return Tool(tool.name)
        case _:
            return None


def _written(given: ResponsesBody, as_sent: AsSent, told: Told) -> ResponseObject:
    numbers, speech = told.numbers, told.speech
    at = created(numbers)
    return ResponseObject(
        id=f"resp_{numbers.code}",
        created_at=at,
        completed_at=None if speech.cut else at + 1,
        status=_status(speech),
        incomplete_details=Incomplete() if speech.cut else None,
        instructions=given.instructions,
        max_output_tokens=given.max_output_tokens,
        model=told.model,
        output=_output(speech, numbers),
        parallel_tool_calls=given.parallel_tool_calls is not False,
        previous_response_id=given.previous_response_id,
        reasoning=echo_reasoning(as_sent.reasoning),
        service_tier=service_tier(given.service_tier),
        temperature=1.0 if given.temperature is None else given.temperature,
        text=echo_text(as_sent.text),
        tool_choice=echo_choice(as_sent.tool_choice),
        tools=echo_tools(as_sent.tools),
        top_p=1.0 if given.top_p is None else given.top_p,
        usage=_usage(told.usage),
        user=given.user or msgspec.UNSET,
        metadata=given.metadata or {},
    )


def _status(speech: Speech) -> str:
    return "incomplete" if speech.cut else "completed"


def _output(speech: Speech, numbers: Draw) -> tuple[OutputItem, ...]:
    """Return what was thought, if anything, and what was said, if there was room left for it."""
    thought = (ReasoningItem(f"rs_{numbers.code}"),) if speech.reasoning else ()
    if not speech.text:
        return thought
    return (*thought, _said(speech, numbers))


def _said(speech: Speech, numbers: Draw) -> OutputItem:
    if speech.tool is None:
        return MessageItem(f"msg_{numbers.code}", _status(speech), (OutputText(speech.text),))
    call = f"call_{numbers.code}"
    if speech.tool.schema is None:
        return CustomCallItem(f"ctc_{numbers.code}", call, speech.tool.name, speech.text)
    return FunctionCallItem(f"fc_{numbers.code}", call, speech.tool.name, speech.text, _status(speech))


def _usage(usage: Usage) -> ResponsesUsage:
    return ResponsesUsage(
        usage.input,
        InputDetails(usage.cached, usage.written),
        usage.output,
        OutputDetails(usage.reasoning),
        usage.input + usage.output,
    )
