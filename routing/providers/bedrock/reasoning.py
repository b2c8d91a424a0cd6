"""How models on Converse take `reasoning_effort`, where they are not Anthropic's: named styles, each as data.

Sources: pydantic-ai 2.68.0, models/bedrock.py, which tried every level against Bedrock; langchain-aws 1.9.1, utils.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ..unmet import Unmet

EFFORT: Final = "reasoning_effort"
_NONE: Final = "none"


def _words(**words: str) -> Mapping[str, str]:
    return MappingProxyType(words)


@dataclass(frozen=True, slots=True)
class Style:
    """What stands in `additionalModelRequestFields`."""

    #: What the model calls an effort; one that is not here cannot be honoured.
    words: Mapping[str, str]
    #: The field's name, and that of the one in it that holds the word, where it is an object.
    name: str = EFFORT
    inner: str | None = None
    #: What stands beside the word.
    beside: Mapping[str, str] = field(default_factory=_words)
    #: Whether no reasoning is what there is if nothing is said.
    off_unasked: bool = False
    #: The effort with which the model takes no limit of the answer.
    unlimited: str | None = None


#: There is no say in it: the model always reasons, or nobody knows.
NO_SAY: Final = Style(_words())
_GRADES: Final = _words(minimal="low", low="low", medium="medium", high="high")
#: OpenAI's open models: they always reason.
LOW_TO_HIGH: Final = Style(_words(**_GRADES, xhigh="high", max="high"))
#: Z.AI's GLM-5.3: it always reasons.
FROM_LOW_TO_MAX: Final = Style(_words(**_GRADES, xhigh="xhigh", max="max"))
#: xAI's Grok: it always reasons.
FROM_LOW_TO_XHIGH: Final = Style(_words(**_GRADES, xhigh="xhigh", max="xhigh"), "reasoning", "effort")
#: OpenAI's own models, as in its Responses.
RESPONSES_ALWAYS: Final = Style(_words(**_GRADES, xhigh="xhigh", max="max"), "reasoning", "effort")
RESPONSES: Final = Style(_words(none=_NONE, **RESPONSES_ALWAYS.words), "reasoning", "effort")
#: DeepSeek V3.2 and GLM up to 5: they reason at `high`, and at nothing else.
HIGH_OR_NONE: Final = Style(
    _words(none=_NONE, minimal="high", low="high", medium="high", high="high", xhigh="high", max="high")
)
#: Qwen3: of its levels between, none was seen to reason.
QWEN: Final = Style(
    _words(none=_NONE, minimal="low", low="low", medium="high", high="high", xhigh="high", max="high"),
    "reasoning_config",
)
#: Moonshot's Kimi K3.
KIMI: Final = Style(_words(none=_NONE, low="low", medium="medium", high="high", max="max"))
#: Amazon's Nova 2. With `high` it takes no `maxTokens`.
NOVA: Final = Style(
    _words(**_GRADES, xhigh="high", max="high"),
    "reasoningConfig",
    "maxReasoningEffort",
    _words(type="enabled"),
    off_unasked=True,
    unlimited="high",
)


def reasoned(effort: str | None, style: Style | None, unmet: Unmet) -> dict[str, object]:
    """Say an effort as a model takes it: fields of `additionalModelRequestFields`. No style: it never reasons."""
    if effort is None or (effort == _NONE and (style is None or style.off_unasked)):
        return {}
    word = None if style is None else style.words.get(effort)
    if style is None or word is None:
        unmet.cannot(EFFORT, "no such parameter" if style is None else ", ".join(style.words) or "no such parameter")
        return {}
    if word != effort:
        unmet.put(f"{EFFORT} {effort} became {word}")
    return {style.name: word if style.inner is None else {**style.beside, style.inner: word}}


def limit(most: int | None, effort: str | None, style: Style | None, unmet: Unmet) -> int | None:
    """Return the most output tokens, None where there is no limit, or none that the effort leaves room for."""
    if most is None or style is None or effort is None or style.unlimited is None:
        return most
    if style.words.get(effort) != style.unlimited:
        return most
    unmet.cannot("max_tokens", f"no limit with the {EFFORT} {effort}")
    return None
