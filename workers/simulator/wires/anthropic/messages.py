"""Answers to `POST /v1/messages`."""

import base64
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, invalid, missing
from ...speech import Speech, Tool, Wish
from ...tokens import PER_IMAGE, PER_MESSAGE, PER_PROMPT
from ..answer import Answer
from ..head import Head, in_text, read_head
from ..prompt import raw_tokens, text_tokens
from ..telling import Asked, Told, as_object, tell
from ..tools import ANY_ARGUMENTS, choose
from ..wire import Sent
from .bodies import AsSent, Block, MessagesBody
from .message import MessageObject, TextBlock, ThinkingBlock, ToolUseBlock, usage_of

_MARK: Final = b'"cache_control"'
_body: Final = msgspec.json.Decoder(MessagesBody)
_sent: Final = msgspec.json.Decoder(AsSent)


def answer_messages(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to a conversation; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _body.decode(sent.body)
    model = sent.model or given.model
    spoken = in_text("metadata.user_id", given.metadata.user_id if given.metadata else None)
    head = read_head(model, spoken, pen.shelf, stream=given.stream)
    asked = head if isinstance(head, Refusal) else _asked(given, head, sent, numbers)
    return tell(model, asked, numbers, pen, partial(_written, pen.words.phrase))


def _asked(given: MessagesBody, head: Head, sent: Sent, numbers: Draw) -> Asked | Refusal:
    wrong = _wrong(given, sent)
    if wrong is not None:
        return wrong
    tool = _tool(given, numbers)
    if isinstance(tool, Refusal):
        return tool
    form = given.output_config.format if given.output_config else None
    schema = bytes(form.schema) or None if form is not None else None
    thinks = given.thinking is not None and given.thinking.type != "disabled"
    wish = Wish(given.max_tokens, schema, tool, thinks)
    return Asked(head, _prompt(given, sent.body), "messages", wish, marked=_MARK in sent.body)


def _wrong(given: MessagesBody, sent: Sent) -> Refusal | None:
    if not given.messages:
        return missing("messages")
    if given.max_tokens is None:
        return missing("max_tokens")
    if sent.model and given.anthropic_version is None:
        return missing("anthropic_version")
    if given.messages[0].role != "user":
        return invalid("messages.0.role", "expected the first message to be the user's.")
    return None


def _prompt(given: MessagesBody, body: bytes) -> int:
    count = PER_PROMPT + raw_tokens(_sent.decode(body).tools)
    if given.system:
        count += PER_MESSAGE + _content(given.system)
    return count + sum(PER_MESSAGE + _content(each.content) for each in given.messages or ())


def _content(content: str | tuple[Block, ...] | None) -> int:
    if content is None or isinstance(content, str):
        return text_tokens(content)
    return sum(map(_block, content))


def _block(block: Block) -> int:
    count = text_tokens(block.text) + text_tokens(block.thinking) + raw_tokens(block.input) + _content(block.content)
    if block.source is None:
        return count
    return count + (text_tokens(block.source.data) if block.source.type == "text" else PER_IMAGE)


def _tool(given: MessagesBody, numbers: Draw) -> Tool | Refusal | None:
    if given.tool_choice is None or given.tool_choice.type not in {"any", "tool"}:
        return None
    offered = [Tool(each.name, bytes(each.input_schema) or ANY_ARGUMENTS) for each in given.tools]
    return choose(offered, None if given.tool_choice.type == "any" else [given.tool_choice.name], numbers)


def _written(phrase: Callable[[int], str], told: Told) -> MessageObject:
    speech, code = told.speech, told.numbers.code
    signature = base64.b64encode(told.numbers.digest).decode()
    thought = (ThinkingBlock(phrase(told.numbers.reasoning), signature),) if speech.reasoning else ()
    usage = usage_of(told.usage)
    return MessageObject(f"msg_{code}", told.model, (*thought, *_said(speech, code)), _stop_reason(speech), usage)


def _said(speech: Speech, code: str) -> tuple[TextBlock | ToolUseBlock, ...]:
    """Return the text or the call; arguments that the limit cut are none."""
    if speech.tool is not None:
        return () if speech.cut else (ToolUseBlock(f"toolu_{code}", speech.tool.name, as_object(speech.text)),)
    return (TextBlock(speech.text),) if speech.text else ()


def _stop_reason(speech: Speech) -> str:
    if speech.cut:
        return "max_tokens"
    return "end_turn" if speech.tool is None else "tool_use"
