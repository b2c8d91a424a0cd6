"""OpenAI's wire, and Azure's, which is the same at other paths and with other errors."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ...chance import Draw
from ...pen import Pen
from ..answer import Answer
from ..wire import Operation, Sent, Wire
from . import azure
from .chat import answer_chat
from .embeddings import answer_embeddings
from .errors import refuse
from .images import answer_images
from .moderations import answer_moderations
from .responses import answer_responses
from .transcriptions import answer_transcriptions


def _identify(request_id: str, milliseconds: float) -> bytes:
    return b"x-request-id: %b\r\nopenai-processing-ms: %d\r\n" % (request_id.encode(), milliseconds)


WIRE: Final = Wire(refuse, _identify)
_ANSWERS: Final[Mapping[str, Callable[[Sent, Draw, Pen], Answer]]] = MappingProxyType(
    {
        "/chat/completions": answer_chat,
        "/embeddings": answer_embeddings,
        "/responses": answer_responses,
        "/moderations": answer_moderations,
        "/images/generations": answer_images,
        "/audio/transcriptions": answer_transcriptions,
    }
)
OPERATIONS: Final = tuple(
    Operation(root + path, wire, answer)
    for root, wire in (
        ("/v1", WIRE),
        ("/openai/v1", azure.WIRE),
        ("/openai/deployments/{model}", azure.WIRE),
    )
    for path, answer in _ANSWERS.items()
)
