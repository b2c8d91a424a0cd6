"""The most tokens that a request can take, so that what is held for it is never too little.

A byte of text is at most one token: the vocabularies in use are made of bytes, or fall back to them. (One that first
rewrites text to a longer form would break this; none that is sold does.) Because a body is longer than the texts in it,
by some 20 bytes of JSON for each message, all of its bytes together also cover what the provider puts around messages.
A quantile of what was seen would be a far smaller number and no bound: one file in Base64 after a thousand letters in
English would break it. Sources of the other numbers stand beside them.
"""

from dataclasses import dataclass
from typing import Final

from .weigh import Weight

#: What surrounds every prompt: its first tokens, and the system prompts that open models' templates bring (under 100).
PER_REQUEST: Final = 256
#: A provider's own words about tools. Anthropic, "Tool use with Claude": 159 to 530 tokens by model.
PER_TOOLS: Final = 1_024
#: An image, whatever its size. OpenAI, "Images and vision": GPT-4o mini takes 2,833 + 8 tiles x 5,667 = 48,169 tokens,
#: which is the most; others take up to 10,000.
PER_IMAGE: Final = 49_152
#: Characters of Base64 per token of sound. OpenAI counts 10 tokens a second, Gemini 32; at the 8 kbit/s that MP3 goes
#: down to, a second is 1,333 characters.
AUDIO: Final = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds a deployment's tokens where the request does not."""

    #: Output tokens of one choice, where the body sets no limit. The largest that is sold is 128,000.
    output: int = 131_072
    #: Input tokens, where the body names input that it does not show: the model's context window.
    context: int = 1_048_576


def most_input(weight: Weight, bounds: Bounds, *, counted: int | None = None) -> int:
    """Return the most input tokens. `counted`: how many its texts are by the model's own vocabulary, where known."""
    text = weight.size if counted is None else weight.size - weight.text_bytes + counted
    media = weight.images * PER_IMAGE + -(-weight.audio // AUDIO)
    hidden = bounds.context if weight.hidden else 0
    return text + media + PER_REQUEST + PER_TOOLS * weight.tools + hidden


def most_output(weight: Weight, bounds: Bounds) -> int:
    """Return the most output tokens of all choices together."""
    limit = bounds.output if weight.limit is None else weight.limit
    return limit * weight.choices + weight.predicted
