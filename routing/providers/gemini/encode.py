"""From a chat body to Gemini's generateContent."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Endpoint, Request
from ...http import HttpCall
from ...target import Target
from ..chat import ChatBody
from ..chat_parts import tool_use
from ..native import JSON, called, place
from ..unmet import Unmet
from . import wire
from .config import generation_config, tool_config, tools
from .content import conversation
from .embeddings import encode_embeddings
from .models import gemini
from .paths import PATHS, VERTEX_PATHS
from .wire import UNSET, Unset

_HONOURED: Final = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "n", "seed", "stop"}
    | {"frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "tools", "tool_choice", "service_tier"}
    | {"parallel_tool_calls", "response_format", "reasoning_effort"}
)
_WITH_USER: Final = _HONOURED | {"user", "safety_identifier"}
_TIERS: Final[Mapping[str | None, str | Unset]] = {
    None: UNSET,
    "auto": UNSET,
    "default": "standard",
    "flex": "flex",
    "priority": "priority",
}
#: docs.cloud.google.com, "Flex PayGo" and "Priority PayGo".
_VERTEX_TIER: Final = "X-Vertex-AI-LLM-Shared-Request-Type"
#: What Google allows in the value of a label.
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_encode: Final = msgspec.json.Encoder().encode


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make a call to the Gemini API."""
    url = place(request, target, PATHS)
    if isinstance(url, Failure):
        return url
    if request.endpoint is Endpoint.EMBEDDINGS:
        return encode_embeddings(url, request, target)
    return called(request, target, partial(_on_gemini, url, target))


def encode_for_vertex(request: Request, target: Target) -> HttpCall | Failure:
    """Make the same call on Vertex."""
    url = place(request, target, VERTEX_PATHS)
    return url if isinstance(url, Failure) else called(request, target, partial(_on_vertex, url, target))


def _on_gemini(url: str, target: Target, chat: ChatBody, unmet: Unmet) -> HttpCall:
    unmet.only(chat, _HONOURED)
    body = _body(target, chat, unmet, tier=_tier(chat, unmet), labels=UNSET)
    return HttpCall(url, JSON, _encode(body), tuple(unmet.notes))


def _on_vertex(url: str, target: Target, chat: ChatBody, unmet: Unmet) -> HttpCall:
    """Say the tier in a header, and the user in a label: neither has a place elsewhere."""
    unmet.only(chat, _WITH_USER)
    tier = _tier(chat, unmet)
    headers = JSON if tier in {UNSET, "standard"} else (*JSON, (_VERTEX_TIER, str(tier)))
    body = _body(target, chat, unmet, tier=UNSET, labels=_labels(chat, unmet))
    return HttpCall(url, headers, _encode(body), tuple(unmet.notes))


def _body(
    target: Target, chat: ChatBody, unmet: Unmet, *, tier: str | Unset, labels: dict[str, str] | Unset
) -> wire.Body:
    model = gemini(target.upstream_model)
    said = conversation(chat.messages, unmet, signed=model.signatures)
    if not said.contents:
        unmet.wrong("messages", "at least one that says something and is not the system's")
    use = tool_use(chat, unmet)
    return wire.Body(
        contents=said.contents,
        system_instruction=wire.Instruction(said.system) if said.system else UNSET,
        tools=tools(use),
        tool_config=tool_config(chat, use, unmet),
        generation_config=generation_config(chat, model, unmet),
        service_tier=tier,
        labels=labels,
    )


def _tier(chat: ChatBody, unmet: Unmet) -> str | Unset:
    if chat.service_tier not in _TIERS:
        unmet.cannot("service_tier", "auto, default, flex and priority")
        return UNSET
    return _TIERS[chat.service_tier]


def _labels(chat: ChatBody, unmet: Unmet) -> dict[str, str] | Unset:
    given = {name: value for name in ("user", "safety_identifier") if (value := getattr(chat, name))}
    labels = {name: value for name, value in given.items() if _LABEL.fullmatch(value)}
    for name in sorted(given.keys() - labels.keys()):
        unmet.cannot(name, "up to 63 of a-z, 0-9, _ and -")
    return labels or UNSET
