"""Answers to `:generateContent`."""

import base64
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, missing
from ...speech import ANY_OBJECT, Speech, Tool, Wish
from ...tokens import PER_MESSAGE, PER_PROMPT
from ..answer import Answer
from ..head import Head, in_names, read_head
from ..prompt import raw_tokens
from ..telling import Asked, Told, as_object, tell
from ..tools import ANY_ARGUMENTS, choose
from ..wire import Sent
from .bodies import AsSent, Declaration, GenerateBody, GenerationConfig, ThinkingConfig, content_tokens
from .generated import CallPart, Candidate, Generated, SaidContent, SaidPart, usage_of
from .names import in_camel_case
from .schemas import as_json_schema

_JSON: Final = "application/json"
_body: Final = msgspec.json.Decoder(GenerateBody)
_sent: Final = msgspec.json.Decoder(AsSent)
_TIERS: Final = {"flex": "flex", "priority": "priority"}


def answer_generate(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return the answer to contents; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _body.decode(in_camel_case(sent.body))
    head = read_head(sent.model, in_names("labels", given.labels), pen.shelf)
    asked = head if isinstance(head, Refusal) else _asked(given, head, sent.body, numbers)
    answer = tell(sent.model, asked, numbers, pen, partial(_written, given, pen.words.phrase))
    tier = _TIERS.get((given.service_tier or "").lower(), "standard")
    return msgspec.structs.replace(answer, headers=f"x-gemini-service-tier: {tier}\r\n".encode())


def _asked(given: GenerateBody, head: Head, body: bytes, numbers: Draw) -> Asked | Refusal:
    if not given.contents:
        return missing("contents")
    tool = _tool(given, numbers)
    if isinstance(tool, Refusal):
        return tool
    config = given.generation_config
    wish = Wish(config.max_output_tokens, _schema(config), tool, _thinks(config.thinking_config))
    return Asked(head, _prompt(given, body), "contents", wish, config.candidate_count or 1)


def _schema(config: GenerationConfig) -> bytes | None:
    if config.response_mime_type != _JSON:
        return None
    own = bytes(config.response_schema)
    return bytes(config.response_json_schema) or (as_json_schema(config.response_schema) if own else ANY_OBJECT)


def _thinks(config: ThinkingConfig) -> bool:
    return bool(config.thinking_budget) or config.thinking_level is not None


def _tool(given: GenerateBody, numbers: Draw) -> Tool | Refusal | None:
    calling = given.tool_config.function_calling_config
    if calling.mode != "ANY":
        return None
    offered = [_offered(each) for tool in given.tools for each in tool.function_declarations]
    return choose(offered, calling.allowed_function_names or None, numbers)


def _offered(function: Declaration) -> Tool:
    own = bytes(function.parameters)
    schema = bytes(function.parameters_json_schema) or (as_json_schema(function.parameters) if own else ANY_ARGUMENTS)
    return Tool(function.name, schema)


def _prompt(given: GenerateBody, body: bytes) -> int:
    count = PER_PROMPT + raw_tokens(_sent.decode(body).tools)
    if given.system_instruction is not None:
        count += PER_MESSAGE + content_tokens(given.system_instruction)
    return count + sum(PER_MESSAGE + content_tokens(each) for each in given.contents)


def _written(given: GenerateBody, phrase: Callable[[int], str], told: Told) -> Generated:
    shown = given.generation_config.thinking_config.include_thoughts
    thought = (SaidPart(phrase(told.numbers.reasoning), thought=True),) if shown else ()
    signature = base64.b64encode(told.numbers.digest).decode()
    candidates = tuple(
        Candidate(
            SaidContent((*(thought if speech.reasoning else ()), *_said(speech, signature))),
            "MAX_TOKENS" if speech.cut else "STOP",
            index,
        )
        for index, speech in enumerate(told.speeches)
    )
    return Generated(candidates, usage_of(told.usage), told.model, told.numbers.code)


def _said(speech: Speech, signature: str) -> tuple[SaidPart, ...]:
    """Return the text or the call; arguments that the limit cut are none."""
    if speech.tool is not None:
        call = CallPart(speech.tool.name, as_object(speech.text))
        return () if speech.cut else (SaidPart(function_call=call, thought_signature=signature),)
    return (SaidPart(speech.text),) if speech.text else ()
