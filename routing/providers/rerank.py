"""A rerank on the wires of those who call it nearly alike: what is sent, and what comes back, by a few words each."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ...schemas.failures import Failure
from ...schemas.reply import Tokens
from ...schemas.request import Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..target import Target
from .errors import malformed, setback
from .native import JSON, answered
from .one_line import one_line
from .rerank_body import Amount, RerankBody, Score, read_rerank, reranked_json, results
from .unmet import Unmet

_ALL: Final = frozenset({"model", "query", "documents", "top_n", "return_documents"})
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Words:
    """What one wire calls things."""

    #: How many results there are to be.
    top: str = "top_n"
    #: Whether inputs that are too long are cut; None where that cannot be said.
    cut: str | None = None
    #: How long a document may be.
    longest: str | None = None
    priority: str | None = None
    #: Whether documents are returned; None where that cannot be said, and the request's own are put in.
    documents: str | None = None


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: Amount | None = None
    total_tokens: Amount | None = None
    #: OpenRouter's, beside the tokens.
    search_units: Amount | None = None


class _Billed(msgspec.Struct, gc=False):
    search_units: Amount | None = None


class _Meta(msgspec.Struct, gc=False):
    billed_units: _Billed | None = None


class _Answer(msgspec.Struct, gc=False):
    error: Any = None
    id: str | None = None
    model: str | None = None
    #: Cohere, Jina, Together ...
    results: list[Score] | None = None
    #: Voyage and Fireworks.
    data: list[Score] | None = None
    usage: _Usage | None = None
    meta: _Meta | None = None


_answer: Final = msgspec.json.Decoder(_Answer)


def encode_rerank(url: str, request: Request, target: Target, words: Words) -> HttpCall | Failure:
    """Make the call."""
    unmet = Unmet(target)
    asked = read_rerank(request, target, unmet)
    if isinstance(asked, Failure):
        return asked
    fields = _fields(asked, target, words)
    taken = {name for name, word in _OPTIONAL if getattr(words, word) is not None}
    unmet.only(asked, _ALL | taken)
    if asked.return_documents and words.documents is None:
        unmet.put(f"return_documents: they are the request's own, {target.provider} returns none")
    if not asked.documents:
        unmet.wrong("documents", "at least one")
    return unmet.failure() or HttpCall(url, JSON, _encode(fields), tuple(unmet.notes))


#: The body's fields that only some have, and where `Words` has their names.
_OPTIONAL: Final = (("truncation", "cut"), ("max_tokens_per_doc", "longest"), ("priority", "priority"))


def _fields(asked: RerankBody, target: Target, words: Words) -> dict[str, object]:
    fields: dict[str, object] = {
        "model": target.upstream_model,
        "query": asked.query,
        "documents": asked.texts,
        words.top: asked.top_n,
    }
    fields.update((getattr(words, word), getattr(asked, name)) for name, word in _OPTIONAL if getattr(words, word))
    if words.documents is not None:
        # said where it is not asked for too: Jina returns them unless it is told not to
        fields[words.documents] = False
    return {name: value for name, value in fields.items() if value is not None}


def decode_rerank(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read the scores, which have to be of documents of the request; documents are the request's own."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer)
    asked = read_rerank(request, target, Unmet(target))
    scores = answer.data if answer.results is None else answer.results
    if isinstance(asked, Failure) or scores is None or answer.error is not None:
        return setback(reply, target, malformed("an answer without results", "results"), tokens)
    ranked = results(scores, asked.texts, with_documents=bool(asked.return_documents))
    if ranked is None:
        return setback(reply, target, malformed("a result of a document that was not sent", "those sent"), tokens)
    name = answer.id or ""
    body = reranked_json(answer.model or target.upstream_model, ranked, tokens, name)
    return Completion(reply.status, body, reply.headers.get("x-request-id") or name, tokens)


def decode_openly(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read an answer that has our shape byte for byte as it came; or one of `data`, which is Fireworks' shape."""
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback) or answer.results is None or answer.error is not None:
        return decode_rerank(reply, request, target)
    request_id = reply.headers.get("x-request-id") or answer.id or ""
    return Completion(reply.status, one_line(reply.body), request_id, _tokens(answer))


def _tokens(answer: _Answer) -> Tokens | None:
    """Count search units where it has them, else tokens; all tokens of a rerank are input."""
    billed = None if answer.meta is None else answer.meta.billed_units
    if billed is not None and billed.search_units is not None:
        return Tokens(units=round(billed.search_units))
    usage = answer.usage or _Usage()
    spent = usage.prompt_tokens if usage.total_tokens is None else usage.total_tokens
    units = round(usage.search_units or 0)
    return None if spent is None and not units else Tokens(input=round(spent or 0), units=units)
