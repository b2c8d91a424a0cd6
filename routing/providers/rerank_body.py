"""A rerank as values, both ways: what all providers of it have in common, said as Cohere and Jina say it.

The body: `model`, `query`, `documents`, `top_n`, `return_documents`. The answer: `results` of `index`,
`relevance_score` and, where documents were asked for, `document.text`, the best first; then what was used, in tokens as
`usage` (Jina), or in search units as `meta` (Cohere).

Sources: cohere 7.3 (`V2RerankResponse`); docs.voyageai.com, "Rerankers"; docs.newapi.pro, "Jina AI Rerank Format";
docs.together.ai, "Create a rerank request"; fireworks.ai/docs, "Rerank documents". November 2026.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from ...schemas.failures import Failure
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..target import Target
from .chat import Count
from .native import read_body
from .unmet import Unmet

_UNSET: Final = msgspec.UNSET

Amount = Annotated[float, msgspec.Meta(ge=0, le=10**9)]


class Document(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A document that is a text, said as an object."""

    text: str


class RerankBody(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The body of a request. None is what was not said."""

    model: str = ""
    query: str
    documents: list[str | Document]
    top_n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    return_documents: bool | None = None
    #: Cohere's: what a longer document is cut to.
    max_tokens_per_doc: Annotated[int, msgspec.Meta(ge=1)] | None = None
    #: Voyage's and Jina's: whether what is too long is cut, or refused.
    truncation: bool | None = None
    #: Cohere's, from 0, which is served first.
    priority: Count | None = None
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        """The documents."""
        return [each if isinstance(each, str) else each.text for each in self.documents]


class Result(msgspec.Struct, frozen=True, gc=False):
    """How well one document fits."""

    #: Its place among the documents of the request.
    index: int
    relevance_score: float
    document: Document | msgspec.UnsetType = _UNSET


class RerankUsage(msgspec.Struct, frozen=True, gc=False):
    """What was used, in tokens."""

    prompt_tokens: int
    total_tokens: int


class BilledUnits(msgspec.Struct, frozen=True, gc=False):
    """What is billed."""

    search_units: int


class Meta(msgspec.Struct, frozen=True, gc=False):
    """What was used, in search units."""

    billed_units: BilledUnits


class Reranked(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The body of an answer."""

    id: str | msgspec.UnsetType = _UNSET
    object: str = "list"
    model: str
    results: list[Result]
    usage: RerankUsage | msgspec.UnsetType = _UNSET
    meta: Meta | msgspec.UnsetType = _UNSET


_body: Final = msgspec.json.Decoder(RerankBody)
_KNOWN: Final = frozenset(RerankBody.__struct_fields__)
_encode: Final = msgspec.json.Encoder().encode


def read_rerank(request: Request, target: Target, unmet: Unmet) -> RerankBody | Failure:
    """Read a body as the target's overrides make it."""
    return read_body(_body, _KNOWN, request, target, unmet)


class Score(msgspec.Struct, gc=False):
    """A result as providers write it; of the document in it there is no need, the request has it."""

    index: Count
    relevance_score: float


def results(scores: Sequence[Score], documents: Sequence[str], *, with_documents: bool) -> list[Result] | None:
    """Return scores as results, with the request's documents where they are asked for; None if there are no such."""
    if any(each.index >= len(documents) for each in scores):
        return None
    return [
        Result(each.index, each.relevance_score, Document(documents[each.index]) if with_documents else _UNSET)
        for each in scores
    ]


def reranked_json(model: str, ranked: list[Result], tokens: Tokens | None, name: str = "") -> bytes:
    """Write an answer."""
    spent = 0 if tokens is None else tokens.input
    units = 0 if tokens is None else tokens.units
    return _encode(
        Reranked(
            id=name or _UNSET,
            model=model,
            results=ranked,
            usage=RerankUsage(spent, spent) if spent else _UNSET,
            meta=Meta(BilledUnits(units)) if units else _UNSET,
        )
    )
