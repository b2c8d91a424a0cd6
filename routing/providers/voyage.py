"""Voyage's wire: embeddings and rerank.

Sources: docs.voyageai.com, "Text embedding models" and "Rerankers"; its SDK voyageai 0.5 (`client.py`), November 2026.
"""

from typing import Final

from . import embeddings_alike, rerank
from .family import Family
from .retrieval import retrieval

FAMILY: Final[Family] = retrieval(
    embeddings_alike.Words(
        "output_dimension", "encoding_format", frozenset({"input_type", "truncation", "output_dtype"})
    ),
    rerank.Words(top="top_k", cut="truncation", documents="return_documents"),
)
