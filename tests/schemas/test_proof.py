"""The proof that comes with a record: found however it is spelt, and shown, written and passed on nowhere."""

import base64
import copy
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas import headers as names
from headgate.schemas.deferral import Deferral, deferred_record, original
from headgate.schemas.proof import Proof, read_proof, without_proof
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier, Topics

SECRET = b"hg-not-to-be-seen"
SIGNATURE = bytes(range(64))
SPELLED = b"ed25519=" + base64.b64encode(SIGNATURE)

HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*names.PROOF, "Authorization", "HEADGATE-SECRET", "reply_to"]) | st.text(max_size=5),
        st.none()
        | st.binary(max_size=20)
        | st.binary(max_size=70).map(lambda raw: b"ed25519=" + base64.b64encode(raw))
        | st.binary(max_size=20).map(lambda raw: b"Bearer " + raw),
    ),
    max_size=6,
).map(tuple)


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", b"Bearer " + SECRET),
        ("Authorization", b"bearer  " + SECRET + b" "),
        ("headgate-secret", SECRET),
        ("Headgate-Secret", SECRET),
    ],
)
def test_a_bearer_secret_is_found_however_it_is_spelt(header):
    proof = read_proof((("x", b"y"), header))
    assert (proof.secret, proof.signature, proof.kind) == (SECRET, None, "a bearer secret")


def test_a_signature_is_found_with_its_time():
    proof = read_proof((("headgate-signature", SPELLED), ("headgate-signed-at", b"1800000000")))
    assert (proof.signature, proof.signed_at, proof.kind) == (SIGNATURE, b"1800000000", "a signature")


def test_both_may_come():
    headers = (("headgate-secret", SECRET), ("headgate-signature", SPELLED), ("headgate-signed-at", b"1"))
    assert read_proof(headers).kind == "a signature and a bearer secret"


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", b"Basic dTpw"),
        ("authorization", b"Bearer"),
        ("authorization", b"Bearer   "),
        ("authorization", None),
        ("headgate-secret", b""),
        ("headgate-secret", b"x" * 513),
        ("headgate-signature", b"ed25519=" + base64.b64encode(SIGNATURE[:63])),
        ("headgate-signature", SPELLED + b"!"),
        ("headgate-signature", SPELLED.replace(b"=", b":", 1)),
        ("headgate-signature", b"ed25519=\xff"),
    ],
)
def test_what_cannot_be_a_proof_is_none(header):
    proof = read_proof((header,))
    assert (proof.secret, proof.signature, proof.kind) == (None, None, "none")


def test_the_first_of_each_name_counts():
    headers = (("authorization", None), ("authorization", b"Bearer a"), ("Authorization", b"Bearer b"))
    assert read_proof(headers).secret == b"a"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        (b"1800000000", 1_800_000_000_000),
        (b"1800000000.5", 1_800_000_000_500),
        (b"2027-01-15T08:00:00Z", 1_800_000_000_000),
        (b"2027-01-15T09:00:00.123456789+01:00", 1_800_000_000_123),
    ],
)
def test_the_time_of_a_signature_is_unix_seconds_or_a_time_with_its_zone(text, ms):
    assert Proof(signed_at=text).signed_ms == ms


@pytest.mark.parametrize(
    "text", [b"", b"now", b"-1", b"1e9", b"2027-01-15T08:00:00", b"2027-01-15", b"\xff", "١٨".encode(), b"9" * 400]
)
def test_what_is_no_time_is_none(text):
    assert Proof(signed_at=text).signed_ms is None


@given(HEADERS)
def test_any_headers_have_a_proof_or_none_and_it_does_not_show_itself(headers):
    proof = read_proof(headers)
    proof.signed_ms  # noqa: B018 - whatever was sent, it is a time or none
    assert repr(proof) == f"<Proof {proof.kind}>"


@pytest.mark.parametrize("write", [msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps, copy.copy, copy.deepcopy])
def test_a_proof_cannot_be_written_or_copied(write):
    with pytest.raises(TypeError):
        write(Proof(SECRET, SIGNATURE, b"1"))


@given(HEADERS)
def test_headers_that_are_passed_on_prove_nothing_and_are_all_the_others(headers):
    kept = without_proof(headers)
    assert read_proof(kept).kind == "none"
    assert kept == tuple(pair for pair in headers if pair[0].lower() not in names.PROOF)


@given(HEADERS)
def test_a_parked_request_has_left_its_proof_behind(headers):
    topics = Topics()
    asked = Record(topics.requests(Lane.BULK), b"value", b"key", headers)
    parked = deferred_record(asked, Deferral(Lane.BULK, "t/0/0", 1, 2), topics, Tier.HOUR)
    assert read_proof(parked.headers).kind == "none"
    assert original(parked, Lane.BULK, topics).headers == without_proof(headers)


@pytest.mark.parametrize("name", ["authorization", "Authorization", "headgate-secret", "Headgate-SECRET"])
def test_a_record_shows_all_but_its_secret(name):
    record = Record("t", b"value", b"key", ((name, b"Bearer " + SECRET), ("x", b"y")))
    assert SECRET.decode() not in repr(record)
    assert repr(record) == f"Record(topic='t', value=b'value', key=b'key', headers=(({name!r}, b'***'), ('x', b'y')))"
