"""Jina's wire: embeddings and rerank.

Sources, each of them a client or a server that is compatible: docs.trychroma.com, "JinaAI"; docs.newapi.pro, "Jina AI
Rerank Format"; Crypto-Gi/Jina-Ai-Compatible-Server, docs/API_REFERENCE.md. November 2026.
"""

from typing import Final

from . import embeddings_alike, rerank
from .family import Family
from .retrieval import retrieval

FAMILY: Final[Family] = retrieval(
    embeddings_alike.Words(
        "dimensions", "embedding_type", frozenset({"task", "embedding_type", "truncate", "late_chunking", "normalized"})
    ),
    rerank.Words(documents="return_documents"),
)
