"""How much a Claude model is to think, from `reasoning_effort`."""

from typing import Final, NamedTuple

from ..unmet import Unmet
from .models import Claude
from .wire import UNSET, Thinking, Unset

#: The next one that there is, where a model does not know an effort.
_INSTEAD: Final = {"minimal": "low", "xhigh": "high", "max": "high"}
#: Tokens of thought where a model wants a number. Low to high are what Requesty documents for Claude
#: (docs.requesty.ai, "Reasoning"); what is beyond is half of the most that such models answer with.
_BUDGETS: Final = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 16_384, "xhigh": 32_000, "max": 32_000}
#: Anthropic: at least 1,024, and less than `max_tokens`.
_LEAST_BUDGET: Final = 1_024
_EFFORT: Final = "reasoning_effort"


class Reasoning(NamedTuple):
    """What is said of it in the body."""

    thinking: Thinking | Unset = UNSET
    effort: str | Unset = UNSET

    @property
    def thinks(self) -> bool:
        """Whether the model was told to think."""
        return isinstance(self.thinking, Thinking) and self.thinking.type != "disabled"


def reasoning(effort: str | None, model: Claude, most: int, unmet: Unmet, *, forced: bool) -> Reasoning:
    """Say an effort as a model takes it; `most` is `max_tokens`, and `forced` whether a tool must be called."""
    if effort is None or (effort == "none" and not model.thinks_unasked):
        return Reasoning()
    if effort == "none" and not model.always_thinks:
        return Reasoning(Thinking("disabled"))
    if effort not in _BUDGETS:
        unmet.cannot(_EFFORT, ", ".join(_BUDGETS))
    elif model.thinking == "none":
        unmet.cannot(_EFFORT)
    elif model.thinking == "adaptive":
        return _adaptive(effort, model, unmet, forced=forced)
    else:
        return _budget(effort, most, unmet, forced=forced)
    return Reasoning()


def _adaptive(effort: str, model: Claude, unmet: Unmet, *, forced: bool) -> Reasoning:
    """Say an effort; a tool that must be called leaves no room for thoughts."""
    word = effort if effort in model.efforts else _INSTEAD[effort]
    if word != effort:
        unmet.put(f"{_EFFORT} {effort} became {word}")
    return Reasoning(UNSET if forced else Thinking("adaptive"), word)


def _budget(effort: str, most: int, unmet: Unmet, *, forced: bool) -> Reasoning:
    """Leave at least half of the answer to what is not thought, if that is possible at all."""
    if forced:
        unmet.cannot(_EFFORT, "it where no tool must be called")
        return Reasoning()
    if most <= _LEAST_BUDGET:
        unmet.cannot(_EFFORT, f"it with max_tokens above {_LEAST_BUDGET}")
        return Reasoning()
    budget = max(_LEAST_BUDGET, min(_BUDGETS[effort], most // 2))
    unmet.put(f"{_EFFORT} {effort} became {budget} tokens of thinking")
    return Reasoning(Thinking("enabled", budget))
