"""From a query and documents to their order, on any wire that reranks."""

from collections.abc import Callable
from typing import Final

import msgspec

from ..chance import draw, unit
from ..pen import Pen
from ..refusal import Refusal, invalid, missing
from ..tokens import Usage, size, tokens
from .answer import Answer, refused
from .head import Head

_encoder: Final = msgspec.json.Encoder()
_MOST: Final = 1_000


class Rankable(msgspec.Struct, frozen=True, gc=False):
    """What is to be put in order, whatever the wire."""

    head: Head
    query: str | None
    documents: tuple[str, ...] | None
    #: How many are wanted; None: all.
    most: int | None = None


class Rank(msgspec.Struct, frozen=True, gc=False):
    """One document: where it stands in the request, and its score, 0 to 1."""

    index: int
    score: float
    text: str


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """The documents, best first."""

    model: str
    ranks: tuple[Rank, ...]
    #: The query counts once for each document, as both are read together.
    tokens: int
    documents: int


def rank(
    model: str | None, asked: Rankable | Refusal, pen: Pen, write: Callable[[Ranked], tuple[msgspec.Struct, Usage]]
) -> Answer:
    """Return the answer that `write` makes of the order, and what is billed for it."""
    if isinstance(asked, Refusal):
        return refused(asked, model)
    head = asked.head
    if not asked.query:
        return refused(missing("query"), head.model)
    if not asked.documents:
        return refused(missing("documents"), head.model)
    if len(asked.documents) > _MOST:
        given = len(asked.documents)
        return refused(invalid("documents", f"expected at most {_MOST} documents, got {given}."), head.model)
    ranked = _ranked(head.model, asked.query, asked.documents, asked.most, pen.key)
    body, usage = write(ranked)
    return Answer(_encoder.encode(body), usage, head.model, head.script)


def _ranked(model: str, query: str, documents: tuple[str, ...], most: int | None, key: bytes) -> Ranked:
    """Put documents in order: a score depends on model, query and document alone."""
    scored = [
        Rank(index, round(unit(draw(key, f"{model}\0{query}\0{text}".encode()).name), 6), text)
        for index, text in enumerate(documents)
    ]
    scored.sort(key=lambda each: (-each.score, each.index))
    asked = tokens(size(query))
    count = sum(asked + tokens(size(text)) for text in documents)
    return Ranked(model, tuple(scored[:most]), count, len(documents))
