"""From a chat body to Anthropic's Messages."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Request
from ...http import HttpCall
from ...target import Target
from ..chat import ChatBody, Format
from ..chat_parts import ToolUse, tool_use
from ..native import JSON, Headers, called, place
from ..unmet import Unmet, asks
from . import wire
from .content import Conversation, conversation
from .models import LEAST_OUTPUT, Claude, claude
from .paths import PATHS, VERTEX_PATHS
from .reasoning import Reasoning, reasoning
from .sampling import sampling
from .wire import UNSET, Unset

#: Versions of the wire, unless the config's options name another `anthropic_version`. The newer ones have no sampling
#: parameters, also not for models that do (platform.claude.com, "Migrating to API version 2026-10-21").
_VERSION: Final = "2023-06-01"
_VERTEX_VERSION: Final = "vertex-2023-10-16"
_WITHOUT_SAMPLING: Final = "2026-10-21"
_HONOURED: Final = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "tools"}
    | {"tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "user", "safety_identifier"}
    | {"service_tier"}
)
#: A function that takes nothing.
_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_TIERS: Final[Mapping[str | None, str | Unset]] = {None: UNSET, "auto": UNSET, "default": "standard_only"}

_encode: Final = msgspec.json.Encoder().encode


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make a call to Messages."""
    url = place(request, target, PATHS)
    if isinstance(url, Failure):
        return url
    headers = (*JSON, ("anthropic-version", _version(target, _VERSION)))
    return called(request, target, partial(_call, url, headers, target, vertex=False))


def encode_for_vertex(request: Request, target: Target) -> HttpCall | Failure:
    """Make the same call on Vertex: the URL names the model, and the body the version."""
    url = place(request, target, VERTEX_PATHS)
    if isinstance(url, Failure):
        return url
    return called(request, target, partial(_call, url, JSON, target, vertex=True))


def _call(url: str, headers: Headers, target: Target, chat: ChatBody, unmet: Unmet, *, vertex: bool) -> HttpCall:
    body = _body(target, chat, unmet, vertex=vertex)
    return HttpCall(url, headers, _encode(body), tuple(unmet.notes))


def _body(target: Target, chat: ChatBody, unmet: Unmet, *, vertex: bool) -> wire.Body:
    unmet.only(chat, _HONOURED)
    version = _version(target, _VERTEX_VERSION if vertex else _VERSION)
    model = _model(target, version)
    said = conversation(chat.messages, unmet)
    use = tool_use(chat, unmet)
    most = _most_output(chat, target, model, unmet)
    thought = reasoning(chat.reasoning_effort, model, most, unmet, forced=use.mode == "required")
    _may_end_so(said, model, thought, unmet)
    temperature, top_p, top_k = sampling(chat, model, unmet, thinks=thought.thinks)
    return wire.Body(
        model=UNSET if vertex else target.upstream_model,
        anthropic_version=version if vertex else UNSET,
        max_tokens=most,
        messages=said.turns,
        system=_system(said),
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        stop_sequences=chat.stops or UNSET,
        tools=_tools(chat, use, model, unmet),
        tool_choice=_choice(chat, use, model, unmet),
        thinking=thought.thinking,
        output_config=_output(chat.response_format, model, thought, unmet),
        metadata=_metadata(chat, unmet),
        service_tier=_tier(chat.service_tier, unmet, vertex=vertex),
    )


def _version(target: Target, usual: str) -> str:
    return target.service.options.get("anthropic_version") or usual


def _model(target: Target, version: str) -> Claude:
    model = claude(target.upstream_model)
    if model.sampling and version.removeprefix("vertex-") >= _WITHOUT_SAMPLING:
        return replace(model, sampling=False)
    return model


def _most_output(chat: ChatBody, target: Target, model: Claude, unmet: Unmet) -> int:
    """Return `max_tokens`, which has to be there: without one the model may say as much as it can, as at OpenAI."""
    asked = chat.most_output
    if asked is not None:
        return asked
    configured = target.service.options.get("max_tokens", "")
    if configured.isdecimal():
        return int(configured)
    if model.max_output is None:
        unmet.put(f"max_tokens became {LEAST_OUTPUT}: nobody knows how much {target.upstream_model} may say")
    return model.max_output or LEAST_OUTPUT


def _system(said: Conversation) -> str | list[wire.TextBlock] | Unset:
    if len(said.system) == 1 and said.system[0].cache_control is UNSET:
        return said.system[0].text
    return said.system or UNSET


def _may_end_so(said: Conversation, model: Claude, thought: Reasoning, unmet: Unmet) -> None:
    if not said.turns:
        unmet.wrong("messages", "at least one that says something and is not the system's")
    elif said.turns[-1].role == "assistant" and (thought.thinks or not model.prefill):
        unmet.wrong("messages", "a last one that is not the assistant's")


def _tools(chat: ChatBody, use: ToolUse, model: Claude, unmet: Unmet) -> list[wire.Tool] | Unset:
    marks = {tool.function.name: tool.cache_control for tool in chat.tools or () if asks("", tool.cache_control)}
    if not model.schemas and any(function.strict for function in use.functions):
        unmet.cannot("strict")
    tools = [
        wire.Tool(
            function.name,
            function.parameters if asks("", function.parameters) else _NO_PARAMETERS,
            function.description or UNSET,
            True if function.strict and model.schemas else UNSET,
            marks.get(function.name, UNSET),
        )
        for function in use.functions
    ]
    return tools or UNSET


def _choice(chat: ChatBody, use: ToolUse, model: Claude, unmet: Unmet) -> wire.ToolChoice | Unset:
    if not use.functions:
        return UNSET
    if use.mode == "required" and not model.forced_tools:
        unmet.cannot("tool_choice", "auto or none")
        return UNSET
    alone = True if chat.parallel_tool_calls is False else UNSET
    if use.mode == "none":
        return wire.ToolChoice("none")
    if use.mode == "auto":
        return UNSET if alone is UNSET else wire.ToolChoice("auto", disable_parallel_tool_use=alone)
    return wire.ToolChoice("tool" if use.name else "any", use.name or UNSET, alone)


def _output(form: Format | None, model: Claude, thought: Reasoning, unmet: Unmet) -> wire.OutputConfig | Unset:
    shape: wire.Format | Unset = UNSET
    if form is not None and form.type != "text":
        schema = form.json_schema.schema if form.json_schema is not None else msgspec.Raw()
        if form.type == "json_schema" and model.schemas and asks("", schema):
            shape = wire.Format(schema)
        else:
            unmet.cannot("response_format", "text and json_schema" if model.schemas else "text")
    return UNSET if shape is UNSET and thought.effort is UNSET else wire.OutputConfig(thought.effort, shape)


def _metadata(chat: ChatBody, unmet: Unmet) -> wire.Metadata | Unset:
    """Say who the request is for; `safety_identifier` is OpenAI's newer word for `user`."""
    user = chat.safety_identifier or chat.user
    if chat.user and user != chat.user:
        unmet.put("left out user: safety_identifier says the same")
    return wire.Metadata(user) if user else UNSET


def _tier(asked: str | None, unmet: Unmet, *, vertex: bool) -> str | Unset:
    """Say which tier: only a capacity that was committed to is another than the default, and Vertex has none."""
    if asked not in _TIERS:
        unmet.cannot("service_tier", "auto and default")
        return UNSET
    return UNSET if vertex else _TIERS[asked]
