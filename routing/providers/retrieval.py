"""Families of providers that have embeddings and reranks alone, and say both nearly as everybody does."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ...schemas.failures import Failure
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..target import Target
from . import embeddings_alike, rerank
from .family import Family
from .native import place

_PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {Endpoint.EMBEDDINGS: "/embeddings", Endpoint.RERANK: "/rerank"}
)


def retrieval(embeddings: embeddings_alike.Words, ranks: rerank.Words) -> Family:
    """Make a family of what its wire calls things."""

    def encode(request: Request, target: Target) -> HttpCall | Failure:
        url = place(request, target, _PATHS)
        if isinstance(url, Failure):
            return url
        if request.endpoint is Endpoint.RERANK:
            return rerank.encode_rerank(url, request, target, ranks)
        return embeddings_alike.encode_embeddings(url, request, target, embeddings)

    return Family(encode, _decode, _PATHS)


def _decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    if request.endpoint is Endpoint.RERANK:
        return rerank.decode_rerank(reply, request, target)
    return embeddings_alike.decode_embeddings(reply, request, target)
