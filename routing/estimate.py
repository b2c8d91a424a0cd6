"""What an attempt takes, before it is known, and when it never will be."""

from typing import Final

import msgspec

from ..schemas.reply import Tokens
from ..schemas.request import Request
from .tokens.bounds import Bounds
from .tokens.weigh import Weight, weigh

#: English prose has about 4.4 UTF-8 bytes per token with the vocabularies of 2024 and later; JSON and other languages
#: have fewer, so this leans towards too much.
_BYTES_PER_TOKEN: Final = 3
#: Output tokens where the request sets no limit.
_USUAL_OUTPUT: Final = 512
#: Of an image, for the models that most people use.
_USUAL_IMAGE: Final = 1_024
#: Characters of Base64 per token of sound: ten tokens a second, at 64 kbit/s.
_USUAL_AUDIO: Final = 1_024


class Measure(msgspec.Struct, frozen=True, gc=False):
    """A body in tokens, as it would be expected of any model."""

    #: Its texts are left out: they are as long as the body.
    weight: Weight
    expected: float
    #: The exact count of the texts, if there is one.
    counted: int | None


class TokenEstimate(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one attempt: what is expected, for rate limits, and the most there can be, for budgets."""

    input: int
    output: int
    worst_input: int
    worst_output: int
    #: Of the expected input, what is expected to be read from the provider's cache.
    cached: int = 0
    #: What it was made from; whoever keeps it need not measure the body again to learn from the provider's count.
    measure: Measure | None = None
    #: What is counted beside tokens, at most.
    worst_units: int = 0
    #: The equal calls that it is of, all together.
    twins: int = 1

    @property
    def of_each(self) -> "TokenEstimate":
        """What there is of one of the calls, rounded up: prices have steps, and a part for each call."""
        if self.twins == 1:
            return self
        return msgspec.structs.replace(
            self,
            input=-(-self.input // self.twins),
            output=-(-self.output // self.twins),
            worst_input=-(-self.worst_input // self.twins),
            worst_output=-(-self.worst_output // self.twins),
            cached=self.cached // self.twins,
            twins=1,
        )


def estimated_tokens(request: Request, bounds: Bounds | None = None) -> Tokens:
    """Estimate an attempt's tokens from above, where nobody can say what it took: never zero, never above its worst.

    `bounds` are the deployment's, if it has its own. It depends on nothing else, least of all on what was learned, so
    whoever makes the event of an attempt makes the same one.
    """
    weight = weigh(request)
    usual = min(_USUAL_OUTPUT, (bounds or Bounds()).output)
    limit = usual if weight.limit is None else weight.limit
    return Tokens(input=_likely_input(weight), output=limit * weight.choices, units=weight.units)


def _likely_input(weight: Weight) -> int:
    text = -(-(weight.text_bytes + weight.json_bytes) // _BYTES_PER_TOKEN)
    media = weight.images * _USUAL_IMAGE + weight.audio // _USUAL_AUDIO
    return max(text + media + weight.ids + weight.pieces, 1)
