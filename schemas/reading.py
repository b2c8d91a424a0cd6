"""From a record to a request: pure, so that a redelivered record reads the same."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from . import headers as names
from .failures import Code, Failure, failure
from .nesting import MOST_LEVELS, is_deep
from .record import Headers, Record, header
from .request import LONGEST_NAME, Arrival, Defaults, Endpoint, Envelope, Name, Rejected, Request, Unreadable
from .terms import absolute_ms, invalid, nano

#: The body fields without which an endpoint cannot work.
_INPUT: Final[Mapping[Endpoint, tuple[str, ...]]] = MappingProxyType(
    {
        Endpoint.CHAT: ("messages",),
        Endpoint.EMBEDDINGS: ("input",),
        Endpoint.RESPONSES: ("input",),
        Endpoint.MODERATIONS: ("input",),
        Endpoint.IMAGES: ("prompt",),
        Endpoint.TRANSCRIPTIONS: ("file",),
        Endpoint.RERANK: ("query", "documents"),
    }
)
#: Of these, those that are lists.
_LISTS: Final = frozenset({"messages", "documents"})
#: By their paths.
_ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType({endpoint.value: endpoint for endpoint in Endpoint})

#: Spellings of nothing, and the length from which on nobody looks for them.
_NOTHING: Final = frozenset({b"nothing", b"null", b"[]", b'""'})
_SHORT: Final = 64

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Head(msgspec.Struct, frozen=True):
    """What routing needs of a body."""

    model: Name | None = None
    #: `Raw` stays raw only outside a union; absent is empty.
    messages: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    file: msgspec.Raw = msgspec.Raw()
    query: msgspec.Raw = msgspec.Raw()
    documents: msgspec.Raw = msgspec.Raw()
    stream: bool | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    max_output_tokens: _Count | None = None
    safety_identifier: Name | None = None
    user: Name | None = None
    service_tier: Name | None = None


class _Glance(msgspec.Struct, frozen=True):
    """The part of an envelope that says whose it is."""

    key: Name | None = None


_glance = msgspec.json.Decoder(_Glance)
_envelope = msgspec.json.Decoder(Envelope)
_head = msgspec.json.Decoder(_Head)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_name = msgspec.json.Decoder(Name)


def read_request(record: Record, arrival: Arrival, defaults: Defaults) -> Request | Rejected | Unreadable:
    """Read a record. The result depends on nothing else, so a redelivered record reads the same."""
    value = record.value
    if not value:
        return Unreadable(failure(Code.EMPTY, expected="a JSON object", given="an empty value"))
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return Unreadable(failure(Code.INVALID_UTF8, expected="UTF-8", given=f"byte {error.start}: {error.reason}"))
    try:
        envelope = _envelope.decode(value)
    except msgspec.ValidationError as error:
        return _wrong_envelope(record, arrival, defaults, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        return Unreadable(failure(Code.INVALID_JSON, expected="a JSON object", given=str(error)))
    address = _Address.of(envelope, record, arrival, defaults)
    if is_deep(value):
        return address.rejected(invalid(f"JSON of at most {MOST_LEVELS} levels", "more"))
    return _read_body(address, envelope, len(value), defaults)


def key_at_a_glance(record: Record, defaults: Defaults) -> str | None:
    """Return the key that a record names, as `read_request` would; None if the record has to be read for that."""
    try:
        named = _glance.decode(record.value or b"").key
    except (msgspec.DecodeError, RecursionError):
        return None
    return named or _text(header(record.headers, names.KEY)) or defaults.key


class _Address(msgspec.Struct, frozen=True):
    """Whom to answer, known before anything is known to be right."""

    id: str
    custom_id: str | None
    batch: str | None
    key: str
    reply_to: str
    deadline: float | str | None
    metadata: Mapping[str, str]
    record: Record
    arrival: Arrival

    @classmethod
    def of(cls, envelope: Envelope, record: Record, arrival: Arrival, defaults: Defaults) -> "_Address":
        headers = _first_values(record.headers)
        return cls(
            id=envelope.id or _header_text(headers, names.REQUEST_ID, names.CLOUDEVENTS_ID) or arrival.place,
            custom_id=envelope.custom_id,
            batch=envelope.batch or _header_text(headers, names.BATCH),
            key=envelope.key or _header_text(headers, names.KEY) or defaults.key,
            reply_to=envelope.reply_to
            or _header_text(headers, names.REPLY_TO, names.SPRING_REPLY_TOPIC)
            or defaults.reply_to,
            deadline=_header_text(headers, names.DEADLINE) if envelope.deadline is None else envelope.deadline,
            metadata=envelope.metadata,
            record=record,
            arrival=arrival,
        )

    def rejected(self, why: Failure, *, model: str = "", endpoint: str = "") -> Rejected:
        return Rejected(
            id=self.id,
            reply_to=self.reply_to,
            failure=why,
            key=self.key,
            lane=self.arrival.lane,
            enqueued_ms=self.arrival.at_ms,
            custom_id=self.custom_id,
            batch=self.batch,
            model=model,
            endpoint=endpoint,
            echo=echoed(self.record.headers),
            reply_key=self.record.key,
        )


def echoed(headers: Headers) -> Headers:
    """Pick the headers that a reply carries back."""
    return tuple([pair for pair in headers if pair[0] in names.ECHOED])


def _first_values(headers: Headers) -> Mapping[str, bytes]:
    """Return the first value of each name that has one."""
    first: dict[str, bytes] = {}
    for name, value in headers:
        if value is not None and name not in first:
            first[name] = value
    return first


def _header_text(headers: Mapping[str, bytes], *wanted: str) -> str | None:
    for name in wanted:
        text = _text(headers.get(name))
        if text:
            return text
    return None


def _text(raw: bytes | None) -> str | None:
    """Decode a header. Its bytes may be anything; what is not text, or endless, says nothing."""
    if not raw or len(raw) > LONGEST_NAME:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _wrong_envelope(record: Record, arrival: Arrival, defaults: Defaults, why: str) -> Rejected | Unreadable:
    """Answer a JSON object whose fields have wrong types; what is no object has no address."""
    try:
        fields = _fields.decode(record.value or b"")
    except (msgspec.DecodeError, RecursionError) as error:
        return Unreadable(failure(Code.INVALID_ENVELOPE, expected="a JSON object", given=str(error)))

    def text(name: str) -> str | None:
        try:
            return _name.decode(fields[name])
        except (KeyError, msgspec.DecodeError):
            return None

    envelope = Envelope(
        msgspec.Raw(b"{}"),
        id=text("id"),
        custom_id=text("custom_id"),
        batch=text("batch"),
        key=text("key"),
        reply_to=text("reply_to"),
    )
    address = _Address.of(envelope, record, arrival, defaults)
    return address.rejected(failure(Code.INVALID_REQUEST, expected="the fields of a request", given=why))


def _read_body(address: _Address, envelope: Envelope, size: int, defaults: Defaults) -> Request | Rejected:
    if size > defaults.max_bytes:
        return address.rejected(
            failure(Code.REQUEST_TOO_LARGE, expected=f"at most {defaults.max_bytes} bytes", given=f"{size} bytes")
        )
    endpoint = _ENDPOINTS.get(envelope.url)
    if endpoint is None:
        return address.rejected(
            failure(Code.UNKNOWN_ENDPOINT, expected=f"url: one of {', '.join(Endpoint)}", given=envelope.url)
        )
    try:
        head = _head.decode(envelope.body)
    except (msgspec.DecodeError, RecursionError) as error:
        return address.rejected(invalid(f"a body for {endpoint}", str(error)), endpoint=endpoint)
    wrong = _wrong_head(envelope, endpoint, head)
    if wrong is not None:
        return address.rejected(wrong, model=head.model or "", endpoint=endpoint)
    return _request(address, envelope, endpoint, head, defaults)


def _request(
    address: _Address, envelope: Envelope, endpoint: Endpoint, head: _Head, defaults: Defaults
) -> Request | Rejected:
    start_ms = address.arrival.at_ms
    deadline_ms = absolute_ms(address.deadline, start_ms, defaults.deadline_ms)
    if isinstance(deadline_ms, Failure):
        return address.rejected(deadline_ms, model=head.model or "", endpoint=endpoint)
    max_cost_nano = None if envelope.max_cost is None else nano(envelope.max_cost)
    if isinstance(max_cost_nano, Failure):
        return address.rejected(max_cost_nano, model=head.model or "", endpoint=endpoint)
    limits = [n for n in (head.max_completion_tokens, head.max_tokens, head.max_output_tokens) if n is not None]
    return Request(
        id=address.id,
        endpoint=endpoint,
        model=head.model or "",
        body=bytes(envelope.body),
        key=address.key,
        lane=address.arrival.lane,
        reply_to=address.reply_to,
        deadline_ms=deadline_ms,
        enqueued_ms=address.arrival.at_ms,
        custom_id=address.custom_id,
        batch=address.batch,
        max_output=min(limits, default=None),
        metadata=address.metadata,
        end_user=head.safety_identifier or head.user or None,
        max_cost_nano=max_cost_nano,
        service_tier=head.service_tier,
        echo=echoed(address.record.headers),
        reply_key=address.record.key,
    )


def _wrong_head(envelope: Envelope, endpoint: Endpoint, head: _Head) -> Failure | None:
    if envelope.method != "POST":
        return invalid("method: POST", envelope.method)
    if not head.model:
        return invalid("body.model: the name of a model", "nothing")
    for needed in _INPUT[endpoint]:
        wrong = _wrong_input(needed, bytes(getattr(head, needed)) or b"nothing")
        if wrong is not None:
            return wrong
    if head.stream:
        return invalid("body.stream: false, a reply is one record", "true")
    return None


def _wrong_input(name: str, given: bytes) -> Failure | None:
    if len(given) < _SHORT and (given in _NOTHING or b"".join(given.split()) == b"[]"):
        return invalid(f"body.{name}: something in it", given.decode())
    if name in _LISTS and not given.startswith(b"["):
        return invalid(f"body.{name}: a list", given.decode())
    return None
