"""What leaves the gateway carries no proof, and says that who may not was refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas import headers as names
from headgate.schemas.failures import Code, failure
from headgate.schemas.proof import read_proof
from headgate.schemas.record import Record
from headgate.schemas.reply import Status, encode_reply
from headgate.schemas.topics import Topics
from headgate.workers.gateway.answers import refusal_reply
from headgate.workers.gateway.records import dead_letter, reply_record
from support.keys import SECRET, read, record, signature_headers

PROOFS = [("authorization", f"Bearer {SECRET}".encode()), ("Headgate-Secret", SECRET.encode())]
PROOFS = [*PROOFS, *signature_headers(b"")]
OTHERS = [
    ("correlation_id", b"c-1"),
    ("kafka_correlationId", b"\x00"),
    ("reply_to", b"headgate.replies.mine"),
    ("x", None),
]


@given(st.lists(st.sampled_from([*PROOFS, *OTHERS]), max_size=8))
def test_neither_a_dead_letter_nor_a_reply_carries_a_proof(headers):
    asked = record(headers=headers)
    why = failure(Code.UNAUTHENTICATED)
    letter = dead_letter(asked, "t/0/0", why, Topics())
    reply = refusal_reply(read(asked), why, 1)
    reply = reply_record(read(asked), encode_reply(reply), Status.REFUSED)
    for written in (letter, reply):
        assert read_proof(written.headers).kind == "none"
        assert SECRET.encode() not in repr((written.headers, written.value)).encode()
        assert {name.lower() for name, _ in written.headers} & names.PROOF == set()
    assert letter.headers[:-2] == tuple(pair for pair in headers if pair in OTHERS)


@pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.KEY_EXPIRED])
def test_who_may_not_is_refused(code):
    assert refusal_reply(read(record()), failure(code), 1).headgate.status is Status.REFUSED


def test_a_dead_letter_s_value_and_key_stay_as_they_came():
    letter = dead_letter(Record("t", b"\xff", b"k", ()), "t/0/0", failure(Code.INVALID_UTF8), Topics())
    assert (letter.value, letter.key) == (b"\xff", b"k")
