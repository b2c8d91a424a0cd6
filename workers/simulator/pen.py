"""What every answer is written with: the words, the vectors, the limits, and when it says that it was made."""

from collections.abc import Sequence
from typing import Final

from .chance import Draw, between, seed_key, unit
from .config import SimulatorConfig
from .refusal import Refusal, context_length
from .speech import Speaker, Speech
from .tokens import Usage
from .vectors import Vectors
from .wires.head import Shelf
from .words import Words

#: Answers were all created in the thirty days after this: a function of the request, not of the clock.
_EPOCH: Final = 1_760_000_000
_THIRTY_DAYS: Final = 30 * 24 * 3600
#: Shorter prompts are not cached, and longer ones in blocks, as OpenAI counts it.
_CACHED_FROM: Final = 1024
_CACHED_BLOCK: Final = 128


class Pen:
    """Holds what is made once per simulator."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.words = Words()
        self.speaker = Speaker(self.words, config.output_tokens, config.reasoning_tokens)
        self.vectors = Vectors()
        self.dimensions = config.dimensions
        self.shelf = Shelf(config.models, config.only_these_models)
        self.key = seed_key(config.seed)
        self.fingerprint = f"fp_{self.key[:5].hex()}"
        self._context_tokens = config.context_tokens
        self._cached_rate = config.cached_rate

    def too_long(self, prompt: int, param: str) -> Refusal | None:
        """Return why a prompt of so many tokens is refused, if it is."""
        if self._context_tokens is None or prompt <= self._context_tokens:
            return None
        return context_length(self._context_tokens, prompt, param)

    def usage(self, prompt: int, speeches: Sequence[Speech], numbers: Draw, *, marked: bool = False) -> Usage:
        """Return the tokens of a prompt and of all that was said.

        Where a prompt is `marked` for a cache that has to be written, what was not read from it is written to it.
        """
        cached = _cached(prompt, self._cached_rate, numbers)
        written = _whole_blocks(prompt - cached) if marked and prompt >= _CACHED_FROM else 0
        if len(speeches) == 1:
            return Usage(prompt, speeches[0].tokens, cached, speeches[0].reasoning, written)
        output, reasoning = sum(each.tokens for each in speeches), sum(each.reasoning for each in speeches)
        return Usage(prompt, output, cached, reasoning, written)


def _cached(prompt: int, rate: float, numbers: Draw) -> int:
    """Return how much of a prompt was cached."""
    if prompt < _CACHED_FROM or unit(numbers.cached) >= rate:
        return 0
    blocks = prompt // _CACHED_BLOCK
    return _CACHED_BLOCK * between(numbers.cached >> 1, 1, blocks) if blocks else 0


def _whole_blocks(count: int) -> int:
    return count - count % _CACHED_BLOCK


def created(numbers: Draw) -> int:
    """Return the unix second in which the answer says it was made."""
    return between(numbers.name, _EPOCH, _EPOCH + _THIRTY_DAYS)
