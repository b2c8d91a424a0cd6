"""Who answers what: the provider's endpoints, its models, and the simulator's own paths under `/simulator`."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Final
from urllib.parse import parse_qs, unquote

import msgspec

from .books import Books
from .faults import FaultSyntaxError, checked_rate, parse_fault
from .http_reader import HttpRequest
from .outages import Outage
from .outcomes import Outcome
from .plan import Plan, Stream, Whole, turned_away
from .provider import Job, Provider
from .refusal import Refusal, invalid, invalid_type, model_not_found, unknown_url, wrong_method
from .wires import openai
from .wires.switchboard import find
from .wires.wire import Occasion

_MODELS: Final = b"/v1/models"
#: The unix second in which every model says that it was made.
_MODEL_CREATED: Final = 1_750_000_000
_LINES_PER_CHUNK: Final = 200
_HEALTHY: Final = b'{"status":"ok"}'
_encoder: Final = msgspec.json.Encoder()

Route = Callable[["Desk", HttpRequest], Plan]


class Model(msgspec.Struct, frozen=True):
    """A model, as `GET /v1/models` lists it."""

    id: str
    object: str = "model"
    created: int = _MODEL_CREATED
    owned_by: str = "headgate-simulator"


class ModelList(msgspec.Struct, frozen=True):
    """The answer to `GET /v1/models`."""

    data: tuple[Model, ...]
    object: str = "list"


class OutageBody(msgspec.Struct, frozen=True):
    """The body of `POST /simulator/faults`."""

    #: A fault as a step of a script spells it.
    kind: str
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    #: Seconds after which it ends by itself.
    duration: Annotated[float, msgspec.Meta(ge=0)] | None = None


class OutageLine(msgspec.Struct, frozen=True):
    """An outage under way, as `GET /simulator/faults` lists it."""

    kind: str
    rate: float
    seconds_left: float | None


class OutageList(msgspec.Struct, frozen=True):
    """The answer to everything at `/simulator/faults`."""

    faults: tuple[OutageLine, ...]


_outage: Final = msgspec.json.Decoder(OutageBody)


class Desk:
    """Takes every request and says what is done about it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def receive(self, request: HttpRequest) -> Job:
        """Decide about a request of any path."""
        called = find(request.path)
        if called is not None and request.method == b"POST":
            return self._provider.attempt(called, request)
        return Job(self._other(request))

    def _other(self, request: HttpRequest) -> Plan:
        routes = _ROUTES.get(request.path)
        if routes is not None and request.method in routes:
            return routes[request.method](self, request)
        if request.method == b"GET" and request.path.startswith(_MODELS + b"/"):
            return self._model(request)
        method, path = request.method.decode("latin-1"), request.path.decode("latin-1")
        known = routes is not None or find(request.path) is not None
        return unasked(wrong_method(method, path) if known else unknown_url(method, path))

    def health(self, _request: HttpRequest) -> Plan:
        """Say that this process answers."""
        return _plan(_HEALTHY)

    def models(self, _request: HttpRequest) -> Plan:
        """List the models."""
        return _plan(_encoder.encode(ModelList(tuple(map(Model, self._provider.config.models)))))

    def _model(self, request: HttpRequest) -> Plan:
        name = unquote(request.path.removeprefix(_MODELS + b"/").decode("latin-1"))
        if name not in self._provider.config.models:
            return unasked(model_not_found(name))
        return _plan(_encoder.encode(Model(name)))

    def faults(self, _request: HttpRequest) -> Plan:
        """List the outages under way."""
        now = self._provider.monotonic()
        lines = [
            OutageLine(each.text, each.rate, None if each.until is None else each.until - now)
            for each in self._provider.outages.now(now)
        ]
        return _plan(_encoder.encode(OutageList(tuple(lines))))

    def start_fault(self, request: HttpRequest) -> Plan:
        """Begin an outage."""
        try:
            self._provider.outages.start(self._read_outage(request.body))
        except msgspec.ValidationError as error:
            return unasked(invalid_type(error))
        except (msgspec.DecodeError, UnicodeDecodeError, FaultSyntaxError) as error:
            return unasked(invalid("faults", f'{error}. Example: {{"kind": "503", "rate": 1, "duration": 5}}'))
        return self.faults(request)

    def _read_outage(self, body: bytes) -> Outage:
        wanted = _outage.decode(body)
        until = None if wanted.duration is None else self._provider.monotonic() + wanted.duration
        return Outage(wanted.kind, parse_fault(wanted.kind), checked_rate(wanted.rate), until)

    def end_faults(self, request: HttpRequest) -> Plan:
        """End all outages."""
        self._provider.outages.end()
        return self.faults(request)

    def books(self, request: HttpRequest) -> Plan:
        """List the attempts, one JSON object a line, from number `since` on."""
        since = parse_qs(request.query.decode("latin-1")).get("since", ["0"])[-1]
        if not since.isdecimal():
            return unasked(invalid("since", f"expected since to be the number of an attempt, got {since!r}"))
        chunks = Stream(_lines(self._provider.books, int(since)))
        return Plan(200, chunks, Outcome.SERVED, content_type=b"application/x-ndjson")

    def reset_books(self, request: HttpRequest) -> Plan:
        """Begin new books."""
        self._provider.reset()
        return self.totals(request)

    def totals(self, _request: HttpRequest) -> Plan:
        """Say what all attempts come to."""
        return _plan(_encoder.encode(self._provider.books.totals()))


_ROUTES: Final[Mapping[bytes, Mapping[bytes, Route]]] = MappingProxyType(
    {
        b"/healthz": {b"GET": Desk.health},
        _MODELS: {b"GET": Desk.models},
        b"/simulator/faults": {b"GET": Desk.faults, b"POST": Desk.start_fault, b"DELETE": Desk.end_faults},
        b"/simulator/books": {b"GET": Desk.books, b"DELETE": Desk.reset_books},
        b"/simulator/totals": {b"GET": Desk.totals},
    }
)


def _lines(books: Books, since: int) -> Iterator[bytes]:
    """Encode the books piece by piece, so that other connections are served meanwhile."""
    entries = books.entries(since)
    while piece := list(islice(entries, _LINES_PER_CHUNK)):
        yield b"".join(_encoder.encode(entry) + b"\n" for entry in piece)


def _plan(body: bytes) -> Plan:
    return Plan(200, Whole(body), Outcome.SERVED)


def unasked(refusal: Refusal) -> Plan:
    """Return how what is no attempt is refused: as OpenAI does it, for it is not known who was meant."""
    return turned_away(refusal, openai.WIRE, Occasion())
