"""The text that is signed: one for every request, and the same wherever it is made."""

import hashlib
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.record import Record
from headgate.schemas.signed_text import signed_text
from support.any_record import ANY_ENVELOPE, ARRIVAL, BODY, HEADERS, read

VALUE = json.dumps({"body": BODY}).encode()
SAID = (
    ("headgate-key", b"rag"),
    ("headgate-request-id", b"r-1"),
    ("reply_to", b"headgate.replies.rag"),
    ("headgate-batch", "bäch".encode()),
    ("headgate-deadline", b"60"),
)


def text_of(value, headers, signed_at=b"1800000000"):
    return signed_text(read(value, headers), Record("t", value, None, headers), signed_at)


def test_it_is_the_version_and_seven_netstrings():
    digest = hashlib.sha256(VALUE).hexdigest()
    expected = f"headgate-signature-v1\n3:rag,3:r-1,10:1800000000,20:headgate.replies.rag,5:bäch,2:60,64:{digest},"
    assert text_of(VALUE, SAID) == expected.encode()


def test_it_is_the_same_whoever_says_it_value_or_header():
    ids = {"key": "rag", "id": "r-1", "reply_to": "headgate.replies.rag", "batch": "bäch"}
    envelope = json.dumps({**ids, "body": BODY}).encode()
    assert text_of(envelope, SAID[-1:])[:-67] == text_of(VALUE, SAID)[:-67]


def test_what_is_not_said_is_what_the_gateway_takes_for_it():
    read_ = read(VALUE)
    assert (read_.key, read_.id, read_.reply_to) == ("local", ARRIVAL.place, "headgate.replies.default")
    assert text_of(VALUE, ()).startswith(
        b"headgate-signature-v1\n5:local,27:headgate.requests.bulk/3/17,10:1800000000,24:headgate.replies.default,0:,0:,"
    )


FIELDS = st.text(max_size=12)
ASKED = st.tuples(FIELDS, FIELDS, st.binary(max_size=12), FIELDS, FIELDS, st.binary(max_size=12), st.binary(max_size=9))


@given(ASKED, ASKED)
def test_no_two_requests_have_the_same_text(one, other):
    def text(fields):
        key, id_, signed_at, reply_to, batch, deadline, value = fields
        asked = msgspec.structs.replace(read(VALUE), key=key, id=id_, reply_to=reply_to, batch=batch or None)
        headers = (("headgate-deadline", deadline),) if deadline else ()
        return signed_text(asked, Record("t", value, None, headers), signed_at)

    assert (text(one) == text(other)) == (one == other)


@given(ANY_ENVELOPE, HEADERS)
def test_whatever_can_be_answered_has_a_text(envelope, headers):
    value = json.dumps(envelope).encode()
    asked = read(value, headers)
    if hasattr(asked, "key"):
        assert signed_text(asked, Record("t", value, None, headers), b"1").startswith(b"headgate-signature-v1\n")
