"""Voyage's and Jina's embeddings and reranks, which are nearly the same.

OpenAI's embeddings are at the same path, so that these are below `/voyage` and `/jina` here: a base URL says so.

Sources: docs.voyageai.com, "Reranker" and "Text embeddings"; docs.newapi.pro, "Jina AI Rerank Format";
langchain4j, dev.langchain4j.model.voyageai (RerankResponse); @ai-sdk/voyage (errors are `detail`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from ..chance import Draw
from ..faults import Kind
from ..pen import Pen
from ..refusal import Refusal, invalid
from ..tokens import Usage
from .answer import Answer
from .embedding import Embeddable, Embedded, embed
from .head import NO_SCRIPT, read_head
from .ranking import Rank, Rankable, Ranked, rank
from .wire import Error, Occasion, Operation, Row, Sent, Wire, identified_by, retry_headers, row_of

ROWS: Final[Mapping[Kind, Row]] = MappingProxyType(
    {
        Kind.RATE_LIMITED: Row(429, "", "You have exceeded your rate limit."),
        Kind.QUOTA: Row(402, "", "Your balance is not enough."),
        Kind.SERVER_ERROR: Row(500, "", "Internal server error"),
        Kind.OVERLOADED: Row(503, "", "Service unavailable"),
        Kind.SITE_OVERLOADED: Row(529, "", "Service unavailable"),
        Kind.BAD_REQUEST: Row(400, "", "The request is wrong."),
        Kind.UNAUTHORIZED: Row(401, "", "Provided API key is invalid."),
        Kind.FORBIDDEN: Row(403, "", "Forbidden"),
        Kind.MODEL_NOT_FOUND: Row(404, "", "Model {model} is not supported."),
        Kind.CONTEXT_LENGTH: Row(
            400, "", "The maximum context length is {limit} tokens, your request has {given} tokens."
        ),
        Kind.CONTENT_FILTER: Row(400, "", "The input was blocked."),
    }
)
_MOST_TEXTS: Final = 1_000
_encode: Final = msgspec.json.Encoder().encode

Dimensions = Annotated[int, msgspec.Meta(ge=1, le=4096)]
Top = Annotated[int, msgspec.Meta(ge=1)]

# ---------------------------------------------------------------- what is read


class Text(msgspec.Struct, frozen=True, gc=False):
    """A text as Jina takes it too."""

    text: str = ""


class EmbedBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a request for vectors; `output_dimension` is Voyage's, `dimensions` and `embedding_type` Jina's."""

    model: str | None = None
    input: str | tuple[str | Text, ...] | None = None
    output_dimension: Dimensions | None = None
    dimensions: Dimensions | None = None
    encoding_format: str | None = None
    embedding_type: str | None = None

    @property
    def texts(self) -> tuple[str, ...] | None:
        """The texts one by one."""
        if self.input is None or isinstance(self.input, str):
            return None if self.input is None else (self.input,)
        return tuple(each if isinstance(each, str) else each.text for each in self.input)


class RerankBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a request for an order; `top_k` is Voyage's, `top_n` Jina's."""

    model: str | None = None
    query: str | None = None
    documents: tuple[str | Text, ...] | None = None
    top_k: Top | None = None
    top_n: Top | None = None
    return_documents: bool | None = None

    @property
    def texts(self) -> tuple[str, ...] | None:
        """The documents one by one."""
        if self.documents is None:
            return None
        return tuple(each if isinstance(each, str) else each.text for each in self.documents)


# ---------------------------------------------------------------- what is written


class Vector(msgspec.Struct, frozen=True, gc=False):
    """A vector, its numbers encoded already."""

    index: int
    embedding: msgspec.Raw
    object: str = "embedding"


class Spent(msgspec.Struct, frozen=True, gc=False):
    """Tokens; Jina tells them twice."""

    total_tokens: int
    prompt_tokens: int | msgspec.UnsetType = msgspec.UNSET


class Vectors(msgspec.Struct, frozen=True, gc=False):
    """The answer of an embedding."""

    model: str
    data: tuple[Vector, ...]
    usage: Spent
    object: str = "list"


class Result(msgspec.Struct, frozen=True, gc=False):
    """One document; Voyage returns it as a text, Jina as an object."""

    index: int
    relevance_score: float
    document: str | Text | msgspec.UnsetType = msgspec.UNSET


class RankedByVoyage(msgspec.Struct, frozen=True, gc=False):
    """The answer of Voyage's rerank."""

    model: str
    data: tuple[Result, ...]
    usage: Spent
    object: str = "list"


class RankedByJina(msgspec.Struct, frozen=True, gc=False):
    """The answer of Jina's rerank."""

    model: str
    results: tuple[Result, ...]
    usage: Spent


# ---------------------------------------------------------------- the answers

_embed: Final = msgspec.json.Decoder(EmbedBody)
_rerank: Final = msgspec.json.Decoder(RerankBody)


def answer_embeddings(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return the vectors of texts; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _embed.decode(sent.body)
    encode = pen.vectors.as_base64 if "base64" in {given.encoding_format, given.embedding_type} else pen.vectors.as_json

    def write(embedded: Embedded) -> Vectors:
        vectors = (encode(digest, embedded.dimensions) for digest in embedded.digests)
        data = tuple(Vector(index, vector) for index, vector in enumerate(vectors))
        return Vectors(embedded.model, data, Spent(embedded.tokens, embedded.tokens))

    return embed(given.model, _embeddable(given, pen), pen, write)


def _embeddable(given: EmbedBody, pen: Pen) -> Embeddable | Refusal:
    head = read_head(given.model, NO_SCRIPT, pen.shelf)
    if isinstance(head, Refusal):
        return head
    if given.embedding_type not in {None, "float", "base64"}:
        return invalid("embedding_type", f"The simulator has float and base64, got {given.embedding_type}.")
    return Embeddable(head, given.texts, "input", _MOST_TEXTS, given.output_dimension or given.dimensions)


def rerank_as_voyage(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return documents in order; raises `msgspec.DecodeError` for a body that cannot be read."""
    given = _rerank.decode(sent.body)

    def write(ranked: Ranked) -> tuple[RankedByVoyage, Usage]:
        results = tuple(_result(each, each.text, shown=bool(given.return_documents)) for each in ranked.ranks)
        return RankedByVoyage(ranked.model, results, Spent(ranked.tokens)), Usage(ranked.tokens)

    return rank(given.model, _rankable(given, given.top_k, pen), pen, write)


def rerank_as_jina(sent: Sent, _numbers: Draw, pen: Pen) -> Answer:
    """Return documents in order, themselves among them unless that is not wanted; raises `msgspec.DecodeError`."""
    given = _rerank.decode(sent.body)

    def write(ranked: Ranked) -> tuple[RankedByJina, Usage]:
        shown = given.return_documents is not False
        results = tuple(_result(each, Text(each.text), shown=shown) for each in ranked.ranks)
        return RankedByJina(ranked.model, results, Spent(ranked.tokens, ranked.tokens)), Usage(ranked.tokens)

    return rank(given.model, _rankable(given, given.top_n, pen), pen, write)


def _rankable(given: RerankBody, most: int | None, pen: Pen) -> Rankable | Refusal:
    head = read_head(given.model, NO_SCRIPT, pen.shelf)
    return head if isinstance(head, Refusal) else Rankable(head, given.query, given.texts, most)


def _result(each: Rank, document: str | Text, *, shown: bool) -> Result:
    return Result(each.index, each.score, document if shown else msgspec.UNSET)


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong."""

    detail: str


def refuse(refusal: Refusal, occasion: Occasion) -> Error:
    """Say a refusal as both do: the status and a text are all."""
    row = row_of(ROWS, refusal)
    return Error(row.status, _encode(ErrorBody(row.message)), retry_headers(occasion))


WIRE: Final = Wire(refuse, identified_by("x-request-id"))
OPERATIONS: Final = (
    Operation("/voyage/v1/embeddings", WIRE, answer_embeddings),
    Operation("/voyage/v1/rerank", WIRE, rerank_as_voyage),
    Operation("/jina/v1/embeddings", WIRE, answer_embeddings),
    Operation("/jina/v1/rerank", WIRE, rerank_as_jina),
)
