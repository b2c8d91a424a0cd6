"""From a chat body to Converse."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Request
from ...http import HttpCall
from ...target import Target
from ..chat import ChatBody, Format
from ..native import JSON, called, place
from ..unmet import Unmet, asks
from . import wire
from .content import Conversation, conversation
from .labels import labels
from .models import Model, model_of
from .own import Own, own_words
from .paths import PATHS
from .tools import toolbox
from .wire import UNSET, Unset

_HONOURED: Final = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "tools"}
    | {"tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "user", "safety_identifier"}
    | {"service_tier", "metadata"}
)
_TIERS: Final = ("default", "flex", "priority", "reserved")
#: The version of a guardrail that has none yet.
_DRAFT: Final = "DRAFT"
_NO_CONFIG: Final = wire.InferenceConfig()

_encode: Final = msgspec.json.Encoder().encode


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make a call to Converse."""
    url = place(request, target, PATHS)
    if isinstance(url, Failure):
        return url
    return called(request, target, partial(_call, url, target))


def _call(url: str, target: Target, chat: ChatBody, unmet: Unmet) -> HttpCall:
    body = _body(target, chat, unmet)
    return HttpCall(url, JSON, _encode(body), tuple(unmet.notes))


def _body(target: Target, chat: ChatBody, unmet: Unmet) -> wire.Body:
    unmet.only(chat, _HONOURED)
    options = target.service.options
    model = model_of(target.upstream_model, options.get("base_model", ""))
    said = conversation(chat.messages, model, unmet)
    tools = toolbox(chat, model, unmet, has_calls=said.has_calls)
    own = own_words(chat, target, model, tools, unmet)
    _may_end_so(said, model, own, unmet)
    return wire.Body(
        messages=said.turns,
        system=said.system or UNSET,
        inference_config=_inference(chat, own, unmet),
        tool_config=tools.config,
        guardrail_config=_guardrail(options),
        additional_model_request_fields=own.fields or UNSET,
        request_metadata=labels(chat, unmet) or UNSET,
        performance_config=wire.Performance(options["latency"]) if "latency" in options else UNSET,
        service_tier=_tier(chat.service_tier, unmet),
        output_config=_output(chat.response_format, model, unmet),
    )


def _may_end_so(said: Conversation, model: Model, own: Own, unmet: Unmet) -> None:
    begins = bool(said.turns) and said.turns[-1].role == "assistant"
    if begins and model.claude is not None and (own.thinks or not model.claude.prefill):
        unmet.wrong("messages", "a last one that is not the assistant's")


def _inference(chat: ChatBody, own: Own, unmet: Unmet) -> wire.InferenceConfig | Unset:
    stops = chat.stops
    if not all(stops):
        unmet.cannot("stop", "texts that are not empty")
        stops = [stop for stop in stops if stop]
    config = wire.InferenceConfig(
        UNSET if own.most is None else own.most, own.sampling.temperature, own.sampling.top_p, stops or UNSET
    )
    return UNSET if config == _NO_CONFIG else config


def _output(form: Format | None, model: Model, unmet: Unmet) -> wire.OutputConfig | Unset:
    if form is None or form.type == "text":
        return UNSET
    shape = form.json_schema
    if form.type == "json_object" or shape is None or not model.schemas or not asks("", shape.schema):
        unmet.cannot("response_format", "text and json_schema" if model.schemas else "text")
        return UNSET
    schema = wire.JsonSchema(bytes(shape.schema).decode(), shape.name or UNSET, shape.description or UNSET)
    return wire.OutputConfig(wire.TextFormat(wire.Structure(schema)))


def _tier(asked: str | None, unmet: Unmet) -> wire.ServiceTier | Unset:
    """Say which tier; `auto` is Bedrock's own choice."""
    if asked is None or asked == "auto":
        return UNSET
    if asked not in _TIERS:
        unmet.cannot("service_tier", f"auto, {', '.join(_TIERS)}")
        return UNSET
    return wire.ServiceTier(asked)


def _guardrail(options: Mapping[str, str]) -> wire.Guardrail | Unset:
    name = options.get("guardrail")
    return UNSET if name is None else wire.Guardrail(name, options.get("guardrail_version", _DRAFT))
