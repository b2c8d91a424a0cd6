"""Anthropic's Messages, at Anthropic, on Azure and on Vertex, where the path names the model.

Sources: Anthropic's reference, "Create a Message", and its SDK 2.14, whose types judge what is written here.
"""

from typing import Final

from ..wire import Operation, Wire, identified_by
from .errors import refuse
from .messages import answer_messages

WIRE: Final = Wire(refuse, identified_by("request-id"), (b"x-api-key", b"authorization"))
_VERTEX: Final = "/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:rawPredict"
OPERATIONS: Final = tuple(
    Operation(path, WIRE, answer_messages) for path in ("/v1/messages", "/anthropic/v1/messages", _VERTEX)
)
