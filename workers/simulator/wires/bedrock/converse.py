"""Answers to `POST /model/{model}/converse`."""

import base64
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, missing
from ...speech import Speech, Tool, Wish
from ...tokens import PER_IMAGE, PER_MESSAGE, PER_PROMPT
from ..answer import Answer, without_reasoning
from ..head import Head, in_names, read_head
from ..prompt import raw_tokens, text_tokens
from ..telling import Asked, Told, as_object, tell
from ..tools import ANY_ARGUMENTS, choose
from ..wire import Sent
from .bodies import AsSent, Block, ConverseBody, ToolConfig
from .conversed import Conversed, Output, SaidBlock, SaidMessage, SaidReasoning, SaidThought, SaidToolUse, usage_of

_MARK: Final = b'"cachePoint"'
_body: Final = msgspec.json.Decoder(ConverseBody)
_sent: Final = msgspec.json.Decoder(AsSent)


def answer_converse(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to a conversation; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _body.decode(sent.body)
    head = read_head(sent.model, in_names("requestMetadata", given.request_metadata), pen.shelf)
    asked = head if isinstance(head, Refusal) else _asked(given, head, sent.body, numbers)
    return without_reasoning(tell(sent.model, asked, numbers, pen, partial(_written, given, pen.words.phrase)))


def _asked(given: ConverseBody, head: Head, body: bytes, numbers: Draw) -> Asked | Refusal:
    if not given.messages:
        return missing("messages")
    tool = _tool(given.tool_config, numbers)
    if isinstance(tool, Refusal):
        return tool
    schema = given.output_config.text_format.structure.json_schema.schema.encode() or None
    thinks = given.additional_model_request_fields.thinking.type != "disabled"
    wish = Wish(given.inference_config.max_tokens, schema, tool, thinks)
    return Asked(head, _prompt(given, body), "messages", wish, marked=_MARK in body)


def _prompt(given: ConverseBody, body: bytes) -> int:
    count = PER_PROMPT + raw_tokens(_sent.decode(body).tool_config)
    if given.system:
        count += PER_MESSAGE + sum(map(_block, given.system))
    return count + sum(PER_MESSAGE + sum(map(_block, each.content)) for each in given.messages)


def _block(block: Block) -> int:
    count = text_tokens(block.text) + text_tokens(block.reasoning_content.reasoning_text.text)
    count += PER_IMAGE if bytes(block.image) or bytes(block.document) else 0
    if block.tool_use is not None:
        count += raw_tokens(block.tool_use.input)
    if block.tool_result is not None:
        count += sum(text_tokens(each.text) + raw_tokens(each.json) for each in block.tool_result.content)
    return count


def _tool(config: ToolConfig, numbers: Draw) -> Tool | Refusal | None:
    choice = config.tool_choice
    if choice.any is None and choice.tool is None:
        return None
    specs = [each.tool_spec for each in config.tools if each.tool_spec is not None]
    offered = [Tool(spec.name, bytes(spec.input_schema.json) or ANY_ARGUMENTS) for spec in specs]
    return choose(offered, None if choice.tool is None else [choice.tool.name], numbers)


def _written(given: ConverseBody, phrase: Callable[[int], str], told: Told) -> Conversed:
    speech, numbers = told.speech, told.numbers
    signature = base64.b64encode(numbers.digest).decode()
    thought = SaidReasoning(SaidThought(phrase(numbers.reasoning), signature))
    blocks = (SaidBlock(reasoning_content=thought),) if speech.reasoning else ()
    return Conversed(
        Output(SaidMessage((*blocks, *_said(speech, numbers.code)))),
        _stop_reason(speech),
        usage_of(told.usage),
        service_tier=given.service_tier or msgspec.UNSET,
    )


def _said(speech: Speech, code: str) -> tuple[SaidBlock, ...]:
    """Return the text or the call; arguments that the limit cut are none."""
    if speech.tool is not None:
        use = SaidToolUse(f"tooluse_{code}", speech.tool.name, as_object(speech.text))
        return () if speech.cut else (SaidBlock(tool_use=use),)
    return (SaidBlock(speech.text),) if speech.text else ()


def _stop_reason(speech: Speech) -> str:
    if speech.cut:
        return "max_tokens"
    return "end_turn" if speech.tool is None else "tool_use"
