"""From a chat body to Cohere's chat."""

from functools import partial
from typing import Final, Literal, TypeVar

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Endpoint, Request
from ...http import HttpCall
from ...target import Target
from ..chat import ABSENT, ChatBody, Function
from ..chat_parts import ToolUse, tool_use
from ..native import JSON, called, place
from ..rerank import Words, encode_rerank
from ..unmet import Unmet, asks
from . import wire
from .content import conversation
from .embeddings import encode_embeddings
from .paths import PATHS
from .reasoning import thinking
from .wire import UNSET, Unset

N = TypeVar("N", int, float)

_HONOURED: Final = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "seed", "stop"}
    | {"frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "tools", "tool_choice", "service_tier"}
    | {"parallel_tool_calls", "response_format", "reasoning_effort", "documents", "citation_options", "safety_mode"}
)
#: A function that takes nothing.
_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
#: Cohere's bounds, in the descriptions of its SDK 7.3; `p` has a default of its own, so that 1 is not the same as none.
_MOST_TEMPERATURE: Final = 2
_LEAST_P, _MOST_P = 0.01, 0.99
_MOST_K: Final = 500
_MOST_STOPS: Final = 5
_MOST_SEED: Final = 2**64 - 1
_STANDARD: Final = frozenset({None, "auto", "default"})
_RERANK: Final = Words(longest="max_tokens_per_doc", priority="priority")
_encode: Final = msgspec.json.Encoder().encode


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make the call."""
    url = place(request, target, PATHS)
    if isinstance(url, Failure):
        return url
    if request.endpoint is Endpoint.RERANK:
        return encode_rerank(url, request, target, _RERANK)
    if request.endpoint is Endpoint.EMBEDDINGS:
        return encode_embeddings(url, request, target)
    return called(request, target, partial(_chat, url, target))


def _chat(url: str, target: Target, chat: ChatBody, unmet: Unmet) -> HttpCall:
    unmet.only(chat, _HONOURED)
    if chat.service_tier not in _STANDARD:
        unmet.cannot("service_tier", "auto and default")
    messages = conversation(chat.messages, unmet)
    if all(message.role == "system" for message in messages):
        unmet.wrong("messages", "at least one that says something and is not the system's")
    use = _use(chat, unmet)
    body = wire.Body(
        model=target.upstream_model,
        messages=messages,
        tools=[_tool(function) for function in use.functions] or UNSET,
        strict_tools=_strict(use, unmet),
        tool_choice=_choice(use),
        documents=_given(chat.documents),
        citation_options=_given(chat.citation_options),
        safety_mode=_given(chat.safety_mode),
        response_format=_format(chat, use, unmet),
        max_tokens=_or_unset(chat.most_output),
        stop_sequences=_stops(chat, unmet),
        temperature=_or_unset(unmet.within("temperature", chat.temperature, 0, _MOST_TEMPERATURE)),
        seed=_seed(chat, unmet),
        frequency_penalty=_or_unset(unmet.within("frequency_penalty", chat.frequency_penalty, 0, 1)),
        presence_penalty=_or_unset(unmet.within("presence_penalty", chat.presence_penalty, 0, 1)),
        k=_k(chat, unmet),
        p=_p(chat, unmet),
        logprobs=_logprobs(chat, unmet),
        thinking=thinking(chat.reasoning_effort, unmet),
    )
    return HttpCall(url, JSON, _encode(body), tuple(unmet.notes))


def _or_unset(value: N | None) -> N | Unset:
    return UNSET if value is None else value


def _given(raw: msgspec.Raw) -> msgspec.Raw | Unset:
    return raw if raw is not ABSENT and asks("", raw) else UNSET


def _use(chat: ChatBody, unmet: Unmet) -> ToolUse:
    """Read which functions may be called: that it must be a certain one has no word, so only that one is told of."""
    use = tool_use(chat, unmet)
    for tool in chat.tools or ():
        if asks("cache_control", tool.cache_control):
            unmet.cannot("cache_control")
    if chat.parallel_tool_calls is False and use.functions and use.mode != "none":
        unmet.cannot("parallel_tool_calls", "true")
    if use.name is None:
        return use
    named = [function for function in use.functions if function.name == use.name]
    if not named:
        unmet.wrong("tool_choice", "a function of tools")
    elif len(use.functions) > 1:
        unmet.put(f"tool_choice: told of {use.name} alone")
    return ToolUse(named, use.mode, use.name)


def _tool(function: Function) -> wire.Tool:
    parameters = function.parameters if asks("", function.parameters) else _NO_PARAMETERS
    return wire.Tool(wire.Function(function.name, parameters, function.description or UNSET))


def _strict(use: ToolUse, unmet: Unmet) -> bool | Unset:
    """Say whether arguments keep to their schemas: all functions' or none's."""
    strict = [function.strict for function in use.functions]
    if not any(strict):
        return UNSET
    if not all(strict):
        unmet.put("strict: it holds for all tools")
    return True


def _choice(use: ToolUse) -> Literal["REQUIRED", "NONE"] | Unset:
    if not use.functions or use.mode == "auto":
        return UNSET
    return "NONE" if use.mode == "none" else "REQUIRED"


def _format(chat: ChatBody, use: ToolUse, unmet: Unmet) -> wire.ResponseFormat | Unset:
    form = chat.response_format
    if form is None or form.type == "text":
        return UNSET
    if use.functions or _given(chat.documents) is not UNSET:
        unmet.cannot("response_format", "it without tools and documents")
        return UNSET
    if form.type == "json_object":
        return wire.ResponseFormat()
    if form.json_schema is None or not asks("", form.json_schema.schema):
        unmet.cannot("response_format", "json_schema with its schema")
        return UNSET
    return wire.ResponseFormat(form.json_schema.schema)


def _stops(chat: ChatBody, unmet: Unmet) -> list[str] | Unset:
    if len(chat.stops) > _MOST_STOPS:
        unmet.cannot("stop", f"at most {_MOST_STOPS}")
        return UNSET
    return chat.stops or UNSET


def _seed(chat: ChatBody, unmet: Unmet) -> int | Unset:
    return UNSET if chat.seed is None or unmet.within("seed", chat.seed, 0, _MOST_SEED) is None else chat.seed


def _k(chat: ChatBody, unmet: Unmet) -> int | Unset:
    return UNSET if chat.top_k is None or unmet.within("top_k", chat.top_k, 0, _MOST_K) is None else chat.top_k


def _p(chat: ChatBody, unmet: Unmet) -> float | Unset:
    p = unmet.within("top_p", chat.top_p, 0, 1)
    if p is None or _LEAST_P <= p <= _MOST_P:
        return _or_unset(p)
    nearest = min(max(p, _LEAST_P), _MOST_P)
    unmet.put(f"top_p {p:g} became {nearest:g}")
    return nearest


def _logprobs(chat: ChatBody, unmet: Unmet) -> bool | Unset:
    if chat.top_logprobs:
        unmet.cannot("top_logprobs")
    return True if chat.logprobs else UNSET
