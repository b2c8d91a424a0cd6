"""Records as anybody may send them, and how they read: for tests of the words of the wire."""

import json

from hypothesis import strategies as st

from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults, Endpoint
from headgate.schemas.topics import Lane

BODY = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
ARRIVAL = Arrival("headgate.requests.bulk/3/17", Lane.BULK, 1_000_000)


def read(value, headers=(), key=None, defaults=None):
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return read_request(Record("headgate.requests.bulk", raw, key, tuple(headers)), ARRIVAL, defaults or Defaults())


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["reply_to", "correlation_id", "headgate-request-id", "headgate-deadline", "headgate-key", "ce_id", "x"]
        )
        | st.text(max_size=5),
        st.none() | st.binary(max_size=20) | st.from_regex(rb"\d{1,400}", fullmatch=True),
    ),
    max_size=6,
).map(tuple)

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ANY_BODY = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just("m") | VALUE,
        "messages": st.just([{"role": "user", "content": "x"}]) | VALUE,
        "input": VALUE,
        "stream": st.booleans() | st.none() | VALUE,
        "max_tokens": st.integers() | VALUE,
        "user": st.text(max_size=5) | VALUE,
        "safety_identifier": st.text(max_size=5) | VALUE,
    },
)
ANY_ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "body": ANY_BODY | VALUE,
        "url": st.sampled_from(list(Endpoint)) | VALUE,
        "method": st.just("POST") | VALUE,
        "id": st.text(max_size=5) | VALUE,
        "custom_id": st.text(max_size=5) | VALUE,
        "key": st.text(max_size=5) | VALUE,
        "deadline": st.floats() | st.datetimes().map(str) | st.from_regex(r"\A\d{1,400}\Z") | VALUE,
        "metadata": st.dictionaries(st.text(max_size=3), st.text(max_size=3)) | VALUE,
        "max_cost": st.floats() | st.decimals().map(str) | st.from_regex(r"\A\d{1,40}(\.\d{1,40})?\Z") | VALUE,
    },
)
ANY_VALUE = (
    st.none()
    | st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | VALUE.map(lambda value: json.dumps(value).encode())
    | ANY_ENVELOPE.map(lambda value: json.dumps(value).encode())
    | ANY_ENVELOPE.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
)
