"""Answers to `POST /v2/rerank`."""

from typing import Annotated, Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal
from ...tokens import Usage
from ..answer import Answer
from ..head import NO_SCRIPT, read_head
from ..ranking import Rankable, Ranked, rank
from ..wire import Sent
from .billed import Count, Meta

#: docs.cohere.com, "Pricing": one search unit is a query with up to 100 documents.
_PER_SEARCH: Final = 100


class RerankBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a request for an order."""

    model: str | None = None
    query: str | None = None
    documents: tuple[str, ...] | None = None
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Result(msgspec.Struct, frozen=True, gc=False):
    """One document."""

    index: int
    relevance_score: float


class Reranked(msgspec.Struct, frozen=True, gc=False):
    """The answer of a rerank."""

    id: str
    results: tuple[Result, ...]
    meta: Meta


_rerank: Final = msgspec.json.Decoder(RerankBody)


def answer_rerank(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return documents in order; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _rerank.decode(sent.body)
    head = read_head(given.model, NO_SCRIPT, pen.shelf)
    asked = head if isinstance(head, Refusal) else Rankable(head, given.query, given.documents, given.top_n)

    def write(ranked: Ranked) -> tuple[Reranked, Usage]:
        searches = -(-ranked.documents // _PER_SEARCH)
        results = tuple(Result(each.index, each.score) for each in ranked.ranks)
        return Reranked(numbers.code, results, Meta(Count(search_units=searches))), Usage(0, units=searches)

    return rank(given.model, asked, pen, write)
