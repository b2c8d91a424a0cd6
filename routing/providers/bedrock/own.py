"""What is said to a model in its maker's own words, and what depends on it: how long it answers, and how it samples."""

from typing import NamedTuple

from ...target import Target
from ..anthropic.models import Claude
from ..anthropic.reasoning import reasoning
from ..anthropic.sampling import Sampling, sampling
from ..chat import ChatBody
from ..unmet import Unmet, asks
from .models import Model
from .reasoning import limit, reasoned
from .tools import Toolbox
from .wire import UNSET


class Own(NamedTuple):
    """What is said of it."""

    #: Of `additionalModelRequestFields`, by the maker's names.
    fields: dict[str, object]
    sampling: Sampling
    #: The most output tokens, None: the model's own limit.
    most: int | None
    #: Whether Claude was told to think.
    thinks: bool = False


def own_words(chat: ChatBody, target: Target, model: Model, tools: Toolbox, unmet: Unmet) -> Own:
    """Say effort, sampling and choice of tools as the model takes them."""
    own = _claudes(chat, target, model.claude, tools, unmet) if model.claude else _others(chat, target, model, unmet)
    if tools.choice is not UNSET:
        own.fields["tool_choice"] = tools.choice
    top_k = own.sampling.top_k
    if top_k is not UNSET:
        own.fields.update({"top_k": top_k} if model.top_k == "flat" else {"inferenceConfig": {"topK": top_k}})
    return own


def _claudes(chat: ChatBody, target: Target, model: Claude, tools: Toolbox, unmet: Unmet) -> Own:
    """Say it in Anthropic's words. Where no limit is told, Bedrock's is some 4,000 tokens, OpenAI's is the model's."""
    most = _most(chat, target) or model.max_output
    thought = reasoning(chat.reasoning_effort, model, most or 0, unmet, forced=tools.forced)
    fields: dict[str, object] = {}
    if thought.thinking is not UNSET:
        fields["thinking"] = thought.thinking
    if thought.effort is not UNSET:
        fields["output_config"] = {"effort": thought.effort}
    return Own(fields, sampling(chat, model, unmet, thinks=thought.thinks), most, thought.thinks)


def _others(chat: ChatBody, target: Target, model: Model, unmet: Unmet) -> Own:
    fields = reasoned(chat.reasoning_effort, model.reasoning, unmet)
    most = limit(_most(chat, target), chat.reasoning_effort, model.reasoning, unmet)
    return Own(fields, _sampling(chat, model, unmet), most)


def _most(chat: ChatBody, target: Target) -> int | None:
    asked = chat.most_output
    configured = target.service.options.get("max_tokens", "")
    return int(configured) if asked is None and configured.isdecimal() else asked


def _sampling(chat: ChatBody, model: Model, unmet: Unmet) -> Sampling:
    if not model.sampling:
        for name in ("temperature", "top_p", "top_k"):
            if asks(name, getattr(chat, name)):
                unmet.cannot(name)
        return Sampling()
    temperature = unmet.within("temperature", chat.temperature, 0, 1)
    top_p = unmet.within("top_p", chat.top_p, 0, 1)
    top_k = chat.top_k
    if top_k is not None and model.top_k == "none":
        unmet.cannot("top_k")
        top_k = None
    return Sampling(
        UNSET if temperature is None else temperature,
        UNSET if top_p is None else top_p,
        UNSET if top_k is None else top_k,
    )
