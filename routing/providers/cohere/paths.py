"""Where Cohere's endpoints are."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ....schemas.request import Endpoint

PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {Endpoint.CHAT: "/chat", Endpoint.EMBEDDINGS: "/embed", Endpoint.RERANK: "/rerank"}
)
