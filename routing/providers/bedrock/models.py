"""What models take on Converse beyond what all of them do, by their ids.

Sources: pydantic-ai 2.68.0, providers/bedrock.py (much of it tried against Bedrock, as its comments say with dates);
langchain-aws 1.9.1, utils.py and chat_models/bedrock_converse.py; litellm 1.110.2, converse_transformation.py and
model_prices_and_context_window.json; AWS's user guides "Structured outputs" and "Prompt caching". November 2026. What
nobody knows of a model forbids nothing: then Bedrock says it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from ..anthropic.models import Claude, claude
from .reasoning import (
    FROM_LOW_TO_MAX,
    FROM_LOW_TO_XHIGH,
    HIGH_OR_NONE,
    KIMI,
    LOW_TO_HIGH,
    NO_SAY,
    NOVA,
    QWEN,
    RESPONSES,
    RESPONSES_ALWAYS,
    Style,
)

#: `us.`, `global.` and the like before the maker, which say where a model may be run.
_WHERE: Final = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|in|global)\.")
#: An address that tells which model it leads to.
_ADDRESS: Final = re.compile(r"^arn:[^:]*:bedrock:[^:]*:[^:]*:(?:inference-profile|foundation-model)/(.+)$")
_HOUR: Final = ("5m", "1h")


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes."""

    #: Set for Anthropic's.
    claude: Claude | None = None
    #: How it takes `reasoning_effort`; None: it does not reason, or is Claude.
    reasoning: Style | None = None
    #: How it takes `top_k`: not at all, as Claude does, or within Nova's `inferenceConfig`.
    top_k: Literal["none", "flat", "nested"] = "none"
    #: Whether there are `temperature` and `top_p`.
    sampling: bool = True
    #: Whether answers and arguments can be held to a schema.
    schemas: bool = True
    #: Whether a tool can be demanded, and which one.
    forced_tools: bool = True
    named_tools: bool = True
    #: Whether it can be told to call one tool at a time.
    one_call: bool = False
    #: How long it may be told to keep a prompt; nothing: it cannot be told.
    keeps: tuple[str, ...] = ()
    #: What may stand in the same turn as the results of tools.
    beside_results: Literal["all", "no documents", "nothing"] = "all"
    #: Whether the assistant may speak first.
    may_lead: bool = True
    audio: bool = False


_ANYTHING: Final = Model(reasoning=NO_SAY, keeps=_HOUR, audio=True)
_MISTRAL: Final = Model(named_tools=False, beside_results="nothing", may_lead=False)
_NOVA: Final = Model(top_k="nested", schemas=False, keeps=("5m",), may_lead=False)
_OLD: Final = Model(schemas=False, may_lead=False)
_GPT: Final = Model(reasoning=RESPONSES, sampling=False)
_GLM: Final = Model(reasoning=HIGH_OR_NONE, named_tools=False)
#: By the beginning of an id, the longest one that fits.
_KNOWN: Final[Mapping[str, Model]] = MappingProxyType(
    {
        "ai21.": _OLD,
        "amazon.": _OLD,
        "amazon.nova": _NOVA,
        "amazon.nova-2": replace(_NOVA, reasoning=NOVA),
        "cohere.": _OLD,
        "deepseek.": Model(named_tools=False),
        "deepseek.r1": Model(reasoning=NO_SAY, schemas=False, forced_tools=False),
        "deepseek.v3.2": Model(reasoning=HIGH_OR_NONE, named_tools=False),
        "google.": Model(),
        "google.gemma-3-4b": Model(schemas=False),
        "meta.": replace(_OLD, forced_tools=False, beside_results="nothing"),
        "minimax.": Model(reasoning=NO_SAY),
        "mistral.": _MISTRAL,
        "mistral.magistral": replace(_MISTRAL, reasoning=NO_SAY),
        "mistral.mistral-7b": replace(_MISTRAL, schemas=False),
        "mistral.mistral-large-24": replace(_MISTRAL, schemas=False),
        "mistral.mistral-small-24": replace(_MISTRAL, schemas=False),
        "mistral.mixtral": replace(_MISTRAL, schemas=False),
        "mistral.pixtral": replace(_MISTRAL, schemas=False),
        "mistral.voxtral": replace(_MISTRAL, audio=True),
        "moonshot.": Model(reasoning=NO_SAY),
        "moonshotai.": Model(reasoning=NO_SAY),
        "moonshotai.kimi-k3": Model(reasoning=KIMI),
        "nvidia.": Model(reasoning=NO_SAY),
        "openai.gpt": _GPT,
        "openai.gpt-6-astra": replace(_GPT, reasoning=RESPONSES_ALWAYS),
        "openai.gpt-6.1-sol": replace(_GPT, reasoning=RESPONSES_ALWAYS),
        "openai.gpt-oss": Model(reasoning=LOW_TO_HIGH),
        "qwen.": Model(),
        "qwen.qwen3": Model(reasoning=QWEN),
        "qwen.qwen3-coder": Model(),
        "writer.": replace(_OLD, forced_tools=False, beside_results="nothing"),
        "xai.": Model(reasoning=FROM_LOW_TO_XHIGH, sampling=False),
        "xai.grok-4.6": Model(reasoning=FROM_LOW_TO_XHIGH, sampling=False, schemas=False),
        "zai.": _GLM,
        "zai.glm-5.3": Model(reasoning=FROM_LOW_TO_MAX),
    }
)


@lru_cache(maxsize=1_024)
def model_of(name: str, base: str = "") -> Model:
    """Return what a model takes, by its id or address; `base` is the id behind an address that tells none."""
    named = _ADDRESS.match(name)
    bare = named[1] if named else (base or name) if name.startswith("arn:") else name
    bare = _WHERE.sub("", bare)
    if "claude" in bare:
        return _claude(bare)
    fits = [prefix for prefix in _KNOWN if bare.startswith(prefix)]
    return _KNOWN[max(fits, key=len)] if fits else _ANYTHING


def _claude(name: str) -> Model:
    known = claude(name)
    generation_4_5 = known.schemas
    if "claude-fable-5" in name:  # Anthropic holds it to schemas, Bedrock does not
        known = replace(known, schemas=False)
    return Model(
        claude=known,
        top_k="flat",
        sampling=known.sampling,
        schemas=known.schemas,
        forced_tools=known.forced_tools,
        one_call=generation_4_5,
        keeps=_HOUR if generation_4_5 else ("5m",),
        beside_results="no documents",
    )
