"""Where Gemini's methods are served. Vertex's base URL ends with the publisher's models."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ....schemas.request import Endpoint

PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType(
    {
        Endpoint.CHAT: "/models/{model}:generateContent",
        Endpoint.EMBEDDINGS: "/models/{model}:batchEmbedContents",
    }
)
VERTEX_PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType({Endpoint.CHAT: "/{model}:generateContent"})
