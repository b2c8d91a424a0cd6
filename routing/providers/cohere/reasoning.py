"""How much a Cohere model is to think, from `reasoning_effort`.

Source: its SDK 7.3, `Thinking`: enabled, which is the default of models that can, with a limit of tokens or without,
or disabled. Its OpenAI-compatible endpoint takes `none` and `high` for disabled and enabled (models.dev, June 2026);
the limits for what is between are those that Google and Requesty have for the same words.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ..unmet import Unmet
from .wire import UNSET, Thinking, Unset

_EFFORT: Final = "reasoning_effort"
_BUDGETS: Final[Mapping[str, int]] = MappingProxyType({"minimal": 1_024, "low": 1_024, "medium": 8_192})
_HIGH: Final = "high"
_BEYOND: Final = frozenset({"xhigh", "max"})


def thinking(effort: str | None, unmet: Unmet) -> Thinking | Unset:
    """Say an effort as Cohere takes it."""
    if effort is None:
        return UNSET
    if effort == "none":
        return Thinking("disabled")
    if effort in _BUDGETS:
        unmet.put(f"{_EFFORT} {effort} became {_BUDGETS[effort]} tokens of thinking")
        return Thinking("enabled", _BUDGETS[effort])
    if effort not in _BEYOND and effort != _HIGH:
        unmet.cannot(_EFFORT, ", ".join(("none", *_BUDGETS, _HIGH, *sorted(_BEYOND))))
        return UNSET
    if effort in _BEYOND:
        unmet.put(f"{_EFFORT} {effort} became {_HIGH}")
    return Thinking("enabled")
