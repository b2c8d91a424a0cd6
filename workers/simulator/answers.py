"""From a request and the seed to the answer: always the same, whatever the order or the time."""

import msgspec

from .chance import Draw, draw
from .config import SimulatorConfig
from .pen import Pen
from .refusal import NOT_JSON, invalid_type
from .wires.answer import Answer, refused
from .wires.switchboard import Called
from .wires.wire import Sent


class Answers:
    """Writes answers; what it holds is made from the config and never changes what it writes."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._pen = Pen(config)

    def draw(self, name: bytes, model: str = "") -> Draw:
        """Return the numbers of the body whose hash is `name`: all of its answer is made of them.

        A model that the path names is in no body, and has numbers of its own.
        """
        return draw(self._pen.key, name + model.encode())

    def write(self, called: Called, body: bytes, numbers: Draw, content_type: bytes = b"") -> Answer:
        """Return the answer to `body`, whatever it holds: what cannot be read is refused."""
        try:
            return called.operation.answer(Sent(body, called.model, content_type), numbers, self._pen)
        except msgspec.ValidationError as error:
            return refused(invalid_type(error), called.model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return refused(NOT_JSON, called.model)
