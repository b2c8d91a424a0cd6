"""How much a Gemini model is to think, from `reasoning_effort`."""

from typing import Final

from ..unmet import Unmet
from .models import Gemini
from .wire import UNSET, ThinkingConfig, Unset

#: The levels that an effort may become, the nearest first.
_LEVELS: Final = {
    "minimal": ("MINIMAL", "LOW"),
    "low": ("LOW",),
    "medium": ("MEDIUM", "HIGH"),
    "high": ("HIGH",),
    "xhigh": ("XHIGH", "HIGH"),
    "max": ("XHIGH", "HIGH"),
}
#: ai.google.dev, "OpenAI compatibility"; the last is the most that all models of that generation take.
_BUDGETS: Final = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_EFFORT: Final = "reasoning_effort"


def thinking(effort: str | None, model: Gemini, unmet: Unmet) -> ThinkingConfig | Unset:
    """Say an effort as a model takes it."""
    if effort is None or (effort == "none" and model.thinking == "none"):
        return UNSET
    if effort == "none" and model.may_rest:
        return ThinkingConfig(0)
    if effort not in _LEVELS:
        unmet.cannot(_EFFORT, ", ".join(_LEVELS))
    elif model.thinking == "none":
        unmet.cannot(_EFFORT)
    elif model.thinking == "budget":
        unmet.put(f"{_EFFORT} {effort} became {_BUDGETS[effort]} tokens of thinking")
        return ThinkingConfig(_BUDGETS[effort])
    else:
        return ThinkingConfig(thinking_level=_level(effort, model, unmet))
    return UNSET


def _level(effort: str, model: Gemini, unmet: Unmet) -> str:
    level = next(each for each in _LEVELS[effort] if each in model.levels)
    if level.lower() != effort:
        unmet.put(f"{_EFFORT} {effort} became {level.lower()}")
    return level
