"""Which operation a path asks for, of all wires."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

import msgspec

from . import anthropic, bedrock, cohere, google, openai, voyage_and_jina
from .wire import Operation

OPERATIONS: Final = (
    *openai.OPERATIONS,
    *anthropic.OPERATIONS,
    *google.OPERATIONS,
    *bedrock.OPERATIONS,
    *cohere.OPERATIONS,
    *voyage_and_jina.OPERATIONS,
    # Where others than OpenAI serve its wire, they rerank as Jina does.
    Operation("/v1/rerank", openai.WIRE, voyage_and_jina.rerank_as_jina),
)
_MODEL: Final = "{model}"


class Called(msgspec.Struct, frozen=True, gc=False):
    """An operation, and the model that its path names; empty where the body does."""

    operation: Operation
    model: str = ""


_FIXED: Final[Mapping[bytes, Called]] = MappingProxyType(
    {each.path.encode(): Called(each) for each in OPERATIONS if "{" not in each.path}
)
_PATTERNS: Final = tuple(
    (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(each.path)).encode()), each)
    for each in OPERATIONS
    if "{" in each.path
)


def find(path: bytes) -> Called | None:
    """Return what a path asks for, None for what no wire has."""
    return _FIXED.get(path) or _by_pattern(path)


def _by_pattern(path: bytes) -> Called | None:
    for pattern, operation in _PATTERNS:
        found = pattern.fullmatch(path)
        if found is not None:
            return Called(operation, unquote(found["model"].decode("latin-1")))
    return None
