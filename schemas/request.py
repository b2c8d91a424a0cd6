"""A request: one LLM call in an envelope. `reading.py` makes one from a record.

The value is JSON. OpenAI's batch input line (`custom_id, method, url, body`) is a valid request; the envelope's own
fields stand beside those. The body is never re-modelled: what routing needs is looked at, the rest stays bytes.
"""

import enum
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from .failures import Failure
from .record import Headers
from .topics import Lane

_MS: Final = 1000


class Endpoint(enum.StrEnum):
    """The endpoints that are served, by their path: OpenAI's, and the one for reranking that others have."""

    CHAT = "/v1/chat/completions"
    EMBEDDINGS = "/v1/embeddings"
    RESPONSES = "/v1/responses"
    MODERATIONS = "/v1/moderations"
    IMAGES = "/v1/images/generations"
    TRANSCRIPTIONS = "/v1/audio/transcriptions"
    #: OpenAI has none; the body is Cohere's and Jina's: `query`, `documents`, `top_n`.
    RERANK = "/v1/rerank"


class Request(msgspec.Struct, frozen=True):
    """A readable, well-formed request. Times are unix milliseconds."""

    id: str
    endpoint: Endpoint
    model: str
    body: bytes
    key: str
    lane: Lane
    reply_to: str
    deadline_ms: int
    enqueued_ms: int
    custom_id: str | None = None
    batch: str | None = None
    #: The most output tokens the body allows, if it says so.
    max_output: int | None = None
    metadata: Mapping[str, str] = {}
    #: For whom the key asks: the body's `safety_identifier`, or else its `user`.
    end_user: str | None = None
    #: The most that it may cost, nano-dollars.
    max_cost_nano: int | None = None
    #: The service tier that the body asks for, as it says it.
    service_tier: str | None = None
    #: Headers and key that the reply carries back as they came.
    echo: Headers = ()
    reply_key: bytes | None = None
    #: The request that this is a copy of, for a shadow.
    shadow_of: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """Readable but wrong: there is somebody to answer."""

    id: str
    reply_to: str
    failure: Failure
    key: str
    lane: Lane
    enqueued_ms: int
    custom_id: str | None = None
    batch: str | None = None
    model: str = ""
    endpoint: str = ""
    echo: Headers = ()
    reply_key: bytes | None = None
    shadow_of: str | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """Not even an envelope: a dead letter."""

    failure: Failure


class Defaults(msgspec.Struct, frozen=True):
    """What a record does not say: from the config."""

    reply_to: str = "headgate.replies.default"
    key: str = "local"
    deadline_ms: int = 24 * 3600 * _MS
    max_bytes: int = 4 * 1024 * 1024


class Arrival(msgspec.Struct, frozen=True):
    """Where and when a record arrived: what the record itself cannot say."""

    #: Names the record for ever, the same at every redelivery: topic, partition and offset, or a stream's entry id.
    place: str
    lane: Lane
    at_ms: int


#: The longest id, key, batch, custom_id or model, in characters: names end up in logs, stores and the ledger.
LONGEST_NAME: Final = 512

Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
#: OpenAI's bounds on metadata are 16 pairs of 64 and 512 characters; it travels in every usage event.
_Metadata = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=64)], Annotated[str, msgspec.Meta(max_length=512)]],
    msgspec.Meta(max_length=16),
]


class Envelope(msgspec.Struct, frozen=True):
    """The JSON of a record's value; all but `body` may be absent. `docs/schemas/request.json` is made from it."""

    body: msgspec.Raw
    url: str = Endpoint.CHAT
    method: str = "POST"
    id: Name | None = None
    custom_id: Name | None = None
    batch: Name | None = None
    key: Name | None = None
    reply_to: str | None = None
    #: Seconds that the request may take from its arrival, or an absolute time (RFC 3339).
    deadline: float | str | None = None
    metadata: _Metadata = {}
    #: The most that the request may cost, US dollars: a number or a decimal text, more than 0, at most a million.
    max_cost: float | str | None = None
