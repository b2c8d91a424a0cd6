"""A chat body's parameters as Gemini's generationConfig and toolConfig."""

from typing import Final, TypeVar

import msgspec

from ..chat import ChatBody, Format, Function
from ..chat_parts import ToolUse
from ..unmet import Unmet, asks
from .models import Gemini
from .reasoning import thinking
from .wire import (
    UNSET,
    FunctionCallingConfig,
    FunctionDeclaration,
    GenerationConfig,
    Tool,
    ToolConfig,
    Unset,
)

N = TypeVar("N", int, float)

_JSON: Final = "application/json"
_EMPTY: Final = GenerationConfig()
#: Google's reference: `candidateCount` is at most 8, `logprobs` at most 20.
MOST_CHOICES: Final = 8
_MOST_LOGPROBS: Final = 20


def generation_config(chat: ChatBody, model: Gemini, unmet: Unmet) -> GenerationConfig | Unset:
    """Return how the answer is made; nothing where nothing is asked for."""
    mime_type, schema = _format(chat.response_format, unmet)
    temperature, top_p, top_k = _sampling(chat, model, unmet)
    logprobs, top = _logprobs(chat, unmet)
    config = GenerationConfig(
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        candidate_count=_choices(chat.n, unmet),
        max_output_tokens=_or_unset(chat.most_output),
        stop_sequences=chat.stops or UNSET,
        seed=_or_unset(chat.seed),
        presence_penalty=_or_unset(unmet.within("presence_penalty", chat.presence_penalty, -2, 2)),
        frequency_penalty=_or_unset(unmet.within("frequency_penalty", chat.frequency_penalty, -2, 2)),
        response_logprobs=logprobs,
        logprobs=top,
        response_mime_type=mime_type,
        response_json_schema=schema,
        thinking_config=thinking(chat.reasoning_effort, model, unmet),
    )
    return UNSET if config == _EMPTY else config


def _or_unset(value: N | None) -> N | Unset:
    return UNSET if value is None else value


def _sampling(chat: ChatBody, model: Gemini, unmet: Unmet) -> tuple[float | Unset, float | Unset, int | Unset]:
    if not model.sampling:
        for name in ("temperature", "top_p", "top_k"):
            if asks(name, getattr(chat, name)):
                unmet.cannot(name)
        return UNSET, UNSET, UNSET
    temperature = unmet.within("temperature", chat.temperature, 0, 2)
    top_p = unmet.within("top_p", chat.top_p, 0, 1)
    return _or_unset(temperature), _or_unset(top_p), _or_unset(chat.top_k)


def _choices(n: int | None, unmet: Unmet) -> int | Unset:
    return UNSET if n in {None, 1} or unmet.within("n", n, 1, MOST_CHOICES) is None else n or UNSET


def _logprobs(chat: ChatBody, unmet: Unmet) -> tuple[bool | Unset, int | Unset]:
    if not chat.logprobs:
        if chat.top_logprobs:
            unmet.cannot("top_logprobs", "it beside logprobs")
        return UNSET, UNSET
    top = unmet.within("top_logprobs", chat.top_logprobs, 0, _MOST_LOGPROBS)
    return True, UNSET if top is None else int(top)


def _format(form: Format | None, unmet: Unmet) -> tuple[str | Unset, msgspec.Raw | Unset]:
    if form is None or form.type == "text":
        return UNSET, UNSET
    if form.type == "json_object":
        return _JSON, UNSET
    if form.json_schema is None or not asks("", form.json_schema.schema):
        unmet.cannot("response_format", "json_schema with its schema")
        return UNSET, UNSET
    return _JSON, form.json_schema.schema


def tools(use: ToolUse) -> list[Tool] | Unset:
    """Return the functions that may be called."""
    return [Tool([_declaration(each) for each in use.functions])] if use.functions else UNSET


def _declaration(function: Function) -> FunctionDeclaration:
    schema = function.parameters if asks("", function.parameters) else UNSET
    return FunctionDeclaration(function.name, function.description or UNSET, schema)


def tool_config(chat: ChatBody, use: ToolUse, unmet: Unmet) -> ToolConfig | Unset:
    """Return whether functions are called. Strict ones are VALIDATED, or have to be called, which is as strict."""
    if not use.functions:
        return UNSET
    if chat.parallel_tool_calls is False and use.mode != "none":
        unmet.cannot("parallel_tool_calls", "true")
    for tool in chat.tools or ():
        if asks("cache_control", tool.cache_control):
            unmet.cannot("cache_control")
    if use.mode == "none":
        return ToolConfig(FunctionCallingConfig("NONE"))
    if use.mode == "required":
        return ToolConfig(FunctionCallingConfig("ANY", [use.name] if use.name else UNSET))
    strict = any(function.strict for function in use.functions)
    return ToolConfig(FunctionCallingConfig("VALIDATED")) if strict else UNSET
