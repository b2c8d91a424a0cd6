"""The requests that benchmarks send."""

import random
from typing import Any

_WORDS = tuple("budget river lantern of the and signal copper to a quiet harbor in orbit with slate for every".split())


def chat_body(size: int, number: int = 0) -> dict[str, Any]:
    """Make a chat request of about `size` bytes, other words for every `number`."""
    chance = random.Random(number)
    text = ""
    while len(text) < size - 160:
        text += chance.choice(_WORDS) + " "
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], "max_tokens": 128}
