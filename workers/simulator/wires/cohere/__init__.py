"""Cohere's API of version 2: chat, embed and rerank.

Source: cohere 7.3, whose client reads what is written here.
"""

from typing import Final

from ..wire import Operation, Wire, identified_by
from .chat import answer_chat
from .embeddings import answer_embed
from .errors import refuse
from .rerank import answer_rerank

WIRE: Final = Wire(refuse, identified_by("x-debug-trace-id"))
OPERATIONS: Final = (
    Operation("/v2/chat", WIRE, answer_chat),
    Operation("/v2/embed", WIRE, answer_embed),
    Operation("/v2/rerank", WIRE, answer_rerank),
)
