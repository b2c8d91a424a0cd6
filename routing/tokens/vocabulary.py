"""Exact counts of text, by the vocabularies that OpenAI has published.

They come in the wheel of `rs-bpe`, the optional extra `headgate[tokens]`: nothing is downloaded. Without it every model
is estimated from its bytes.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, Protocol, cast

#: Who serves OpenAI's own models under OpenAI's names.
_PROVIDERS: Final = frozenset({"openai", "azure-openai", "azure", "openrouter"})
#: The vocabulary of a model, by the start of its name. Source: `tiktoken/model.py`.
_ENCODINGS: Final = (
    (re.compile(r"(openai/)?(gpt-4o|chatgpt-4o|gpt-4\.[1-9]|gpt-[5-9]|o[1-9])\b"), "o200k_base"),
    (re.compile(r"(openai/)?(gpt-4|gpt-3\.5|text-embedding-(3|ada))\b"), "cl100k_base"),
)


class Vocabulary(Protocol):
    """Counts the tokens of a text."""

    def count(self, text: str, /) -> int:
        """Return how many tokens `text` is."""
        ...


class _Published(Protocol):
    """The part of `rs_bpe.bpe.openai` that is used."""

    def o200k_base(self) -> Vocabulary: ...
    def cl100k_base(self) -> Vocabulary: ...


def load_vocabularies() -> Mapping[str, Vocabulary]:
    """Return the vocabularies by name, none if the extra is not installed. Takes 0.3 s and 100 MB: do it once."""
    try:
        published = cast("_Published", import_module("rs_bpe.bpe").openai)
    except ImportError:
        return MappingProxyType({})
    return MappingProxyType({"o200k_base": published.o200k_base(), "cl100k_base": published.cl100k_base()})


def encoding_of(provider: str, model: str) -> str | None:
    """Return the name of a model's vocabulary, None if it is not known for certain."""
    if provider not in _PROVIDERS:
        return None
    return next((name for pattern, name in _ENCODINGS if pattern.match(model)), None)
