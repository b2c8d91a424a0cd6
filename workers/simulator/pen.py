"""What every answer is written with: the words, the vectors, the limits, and the small fields that are always there."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from .chance import Draw, between, seed_key
from .config import SimulatorConfig
from .prompt import cached_tokens
from .refusals import Refusal, context_length
from .speech import Speaker, Speech
from .tokens import Usage
from .vectors import Vectors
from .words import Words

#: Answers were all created in the thirty days after this: a function of the request, not of the clock.
_EPOCH: Final = 1_760_000_000
_THIRTY_DAYS: Final = 30 * 24 * 3600
#: What a request may ask for, and what is then said to have served it.
_TIERS: Final = MappingProxyType({"flex": "flex", "priority": "priority", "fast": "priority", "scale": "scale"})


class Pen:
    """Holds what is made once per simulator."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.speaker = Speaker(Words(), config.output_tokens, config.reasoning_tokens)
        self.vectors = Vectors()
        self.dimensions = config.dimensions
        self.key = seed_key(config.seed)
        self.fingerprint = f"fp_{self.key[:5].hex()}"
        self._context_tokens = config.context_tokens
        self._cached_rate = config.cached_rate

    def too_long(self, prompt: int, param: str) -> Refusal | None:
        """Return why a prompt of so many tokens is refused, if it is."""
        if self._context_tokens is None or prompt <= self._context_tokens:
            return None
        return context_length(self._context_tokens, prompt, param)

    def usage(self, prompt: int, speeches: Sequence[Speech], numbers: Draw) -> Usage:
        """Return the tokens of a prompt and of all that was said."""
        cached = cached_tokens(prompt, self._cached_rate, numbers)
        if len(speeches) == 1:
            return Usage(prompt, speeches[0].tokens, cached, speeches[0].reasoning)
        return Usage(prompt, sum(each.tokens for each in speeches), cached, sum(each.reasoning for each in speeches))


def created(numbers: Draw) -> int:
    """Return the unix second in which the answer says it was made."""
    return between(numbers.name, _EPOCH, _EPOCH + _THIRTY_DAYS)


def service_tier(asked: str | None) -> str:
    """Return the tier that served a request which asked for `asked`."""
    return _TIERS.get(asked or "", "default")


def asks_reasoning(effort: str | None) -> bool:
    """Say whether a reasoning effort means that tokens are spent on it."""
    return effort is not None and effort != "none"
