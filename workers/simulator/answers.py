"""From the bytes of a request and the seed to the answer: always the same, whatever the order or the time."""

from typing import Final, assert_never

import msgspec

from ...schemas.request import Endpoint
from .answer import Answer, refused
from .bodies import AsSent, Body, ChatBody, EmbeddingsBody, ResponsesBody
from .chance import Draw, draw
from .chat import answer_chat
from .config import SimulatorConfig
from .embeddings import answer_embeddings
from .head import Head, Shelf, read_head
from .pen import Pen
from .refusals import NOT_JSON, invalid_type
from .responses import answer_responses

_chat: Final = msgspec.json.Decoder(ChatBody)
_embeddings: Final = msgspec.json.Decoder(EmbeddingsBody)
_responses: Final = msgspec.json.Decoder(ResponsesBody)
_sent: Final = msgspec.json.Decoder(AsSent)
_NOTHING: Final = AsSent()


class Answers:
    """Writes answers; what it holds is made from the config and never changes what it writes."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._pen = Pen(config)
        self._shelf = Shelf(config.models, config.only_these_models)

    def draw(self, name: bytes) -> Draw:
        """Return the numbers of the body whose hash is `name`: all of its answer is made of them."""
        return draw(self._pen.key, name)

    def write(self, endpoint: Endpoint, body: bytes, numbers: Draw) -> Answer:
        """Return the answer to `body`, whatever it holds: what cannot be read is refused as OpenAI refuses it."""
        try:
            return self._write(endpoint, body, numbers)
        except msgspec.ValidationError as error:
            return refused(invalid_type(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return refused(NOT_JSON)

    def _write(self, endpoint: Endpoint, body: bytes, numbers: Draw) -> Answer:
        match endpoint:
            case Endpoint.CHAT:
                chat = _chat.decode(body)
                head = self._head(chat, _sent.decode(body) if chat.tools else _NOTHING)
                return head if isinstance(head, Answer) else answer_chat(chat, head, numbers, self._pen)
            case Endpoint.EMBEDDINGS:
                wanted = _embeddings.decode(body)
                head = self._head(wanted, _NOTHING)
                return head if isinstance(head, Answer) else answer_embeddings(wanted, head, self._pen)
            case Endpoint.RESPONSES:
                given = _responses.decode(body)
                head = self._head(given, _sent.decode(body))
                return head if isinstance(head, Answer) else answer_responses(given, head, numbers, self._pen)
            case _:
                assert_never(endpoint)

    def _head(self, given: Body, sent: AsSent) -> Head | Answer:
        head = read_head(given, sent, self._shelf)
        return head if isinstance(head, Head) else refused(head, given.model)
