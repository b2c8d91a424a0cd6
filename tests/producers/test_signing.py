"""Proofs that producers give: what they sign, the gateway believes, and only that."""

import copy
import json
import pickle
import shutil
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.producers.private_key import PrivateKey
from headgate.producers.signing import AnotherKeyError, Bearer, Signer, UnprovableError, own_only
from headgate.routing.access.keyring import Keyring
from headgate.schemas import headers as names
from headgate.schemas.failures import Code, Failure
from headgate.schemas.proof import read_proof
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults, Rejected, Request, Unreadable
from headgate.schemas.topics import Lane
from support.any_record import ANY_ENVELOPE, HEADERS
from support.keys import NOW_MS, OTHER_PUBLIC_KEY, PUBLIC_KEY, SECRET, config, hashed, read, record

PRIVATE = PrivateKey(bytes([1]) * 32)
SIGNER = Signer("rag", PRIVATE, now=lambda: NOW_MS / 1000)
BEARER = Bearer("rag", SECRET)
EVERYWHERE = {"reply_topics": ["*"]}
SIGNED = Keyring.of(config({"id": "rag", "public_key": PUBLIC_KEY}, **EVERYWHERE))
BY_SECRET = Keyring.of(config({"id": "rag", "secret": hashed(SECRET)}, **EVERYWHERE))


def judged(keyring, record_):
    outcome = keyring.check(read(record_), record_, NOW_MS)
    return outcome.code if isinstance(outcome, Failure) else outcome.id


# What is signed is believed


def test_a_signed_record_proves_its_key():
    assert judged(SIGNED, record()) is Code.UNAUTHENTICATED
    assert judged(SIGNED, SIGNER.sign(record())) == "rag"


def test_a_secret_that_is_sent_along_proves_its_key():
    assert judged(BY_SECRET, record()) is Code.UNAUTHENTICATED
    assert judged(BY_SECRET, BEARER.attach(record())) == "rag"


@pytest.mark.parametrize("prove", [SIGNER.sign, BEARER.attach])
def test_what_the_record_does_not_say_is_said_for_it(prove):
    proven = prove(record(key=None))
    assert read(proven).key == "rag"
    assert judged(SIGNED if prove == SIGNER.sign else BY_SECRET, proven) == "rag"


def test_a_signature_is_for_the_reply_topic_that_the_signer_was_told():
    elsewhere = Signer("rag", PRIVATE, reply_to="answers", now=lambda: NOW_MS / 1000)
    proven = elsewhere.sign(record())
    assert (read(proven).reply_to, judged(SIGNED, proven)) == ("answers", "rag")
    assert read(elsewhere.sign(record(reply_to="mine"))).reply_to == "mine"


@given(ANY_ENVELOPE, HEADERS, st.text(min_size=1, max_size=8), st.none() | st.text(max_size=8))
def test_whatever_a_gateway_can_answer_is_signed_so_that_it_believes_it(envelope, headers, id_, batch):
    fields = {**envelope, "id": id_, "key": "rag", **({} if batch is None else {"batch": batch})}
    plain = Record("headgate.requests.bulk", json.dumps(fields).encode(), b"k", headers)
    if isinstance(read(plain), Unreadable):
        with pytest.raises(UnprovableError):
            SIGNER.sign(plain)
        return
    proven = SIGNER.sign(plain)
    assert judged(SIGNED, proven) == "rag"
    assert (proven.topic, proven.value, proven.key) == (plain.topic, plain.value, plain.key)
    assert sorted(map(repr, SIGNER.sign(proven).headers)) == sorted(map(repr, proven.headers))
    asked, was = read(proven), read(plain)
    assert msgspec.structs.replace(asked, reply_to=was.reply_to) == was  # nothing else is said than before


def test_a_header_that_is_not_text_does_not_stand_in_the_way():
    headers = [
        ("headgate-key", b"\xff"),
        ("reply_to", b"\xff"),
        ("headgate-batch", b"\xff"),
        ("headgate-deadline", b"\xff"),
    ]
    assert judged(SIGNED, SIGNER.sign(record(key=None, headers=headers))) == "rag"


@pytest.mark.parametrize(("first", "then"), [(SIGNER.sign, BEARER.attach), (BEARER.attach, SIGNER.sign)])
def test_a_record_has_one_proof(first, then):
    both = then(first(record()))
    assert read_proof(both.headers).kind == read_proof(then(record()).headers).kind
    assert len([name for name, _ in both.headers if name in names.PROOF]) == (2 if then == SIGNER.sign else 1)


# What is not


@pytest.mark.parametrize("prove", [SIGNER.sign, BEARER.attach])
def test_a_record_of_another_key_is_not_proved(prove):
    with pytest.raises(AnotherKeyError, match="expected a record of rag, got one of eve"):
        prove(record(key="eve"))
    assert own_only(prove)(record(key="eve")) == record(key="eve")
    assert own_only(prove)(record()) == prove(record())


def test_a_record_without_an_id_is_not_signed():
    with pytest.raises(UnprovableError, match="headgate-request-id"):
        own_only(SIGNER.sign)(record(id=None))
    assert read_proof(SIGNER.sign(record(id=None, headers=[("ce_id", b"c-1")])).headers).kind == "a signature"


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"no"])
def test_what_is_no_request_is_not_proved(value):
    for prove in (SIGNER.sign, BEARER.attach):
        with pytest.raises(UnprovableError, match="expected a request"):
            prove(Record("t", value))


def test_a_wrong_request_is_signed_too_so_that_its_failure_can_be_told():
    wrong = SIGNER.sign(record(body={}))
    assert isinstance(read(wrong), Rejected)
    assert judged(SIGNED, wrong) == "rag"


def test_a_large_request_is_signed_and_judged_by_the_gateway_s_limit():
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 5_000_000}]}
    large = SIGNER.sign(record(body=body))
    wide = read_request(large, Arrival("t/0/0", Lane.STANDARD, NOW_MS), Defaults(max_bytes=10**7))
    assert isinstance(wide, Request)
    assert SIGNED.check(wide, large, NOW_MS).id == "rag"


# Keys


def test_a_private_key_and_its_file():
    written = PRIVATE.pem()
    assert written.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert PrivateKey.from_pem(written).public_key == PRIVATE.public_key == PUBLIC_KEY
    assert PrivateKey.from_pem("some words before\r\n" + written.replace("\n", "\r\n")).public_key == PUBLIC_KEY


def test_new_private_keys_are_new():
    assert PrivateKey.generate().public_key != PrivateKey.generate().public_key
    assert PrivateKey.generate(lambda size: bytes([1]) * size).public_key == PUBLIC_KEY


def test_the_example_of_rfc_8410_is_read():
    """Section 10.3: one key without, and one with, attributes and its public key."""
    plain = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
    whole = (
        "MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
        "oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB"
        "Z9w7lshQhqowtrbLDFw4rXAxZuE="
    )
    for text in (plain, whole):
        read_ = PrivateKey.from_pem(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
        assert read_.public_key == "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="


@pytest.mark.parametrize(
    "text",
    [
        "",
        PRIVATE.pem().replace("PRIVATE", "ENCRYPTED PRIVATE"),
        PRIVATE.pem().replace("PRIVATE", "PUBLIC"),
        PRIVATE.pem().replace("MC4C", "MC4D"),
        PRIVATE.pem().replace("MC4C", "MC4"),
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTu\n-----END PRIVATE KEY-----\n",
        SECRET,
    ],
)
def test_what_is_no_private_key_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="expected") as caught:
        PrivateKey.from_pem(text)
    inside = "".join(text.splitlines()[1:-1]) or text
    assert not inside or inside not in str(caught.value)


def test_a_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes of an Ed25519 private key, got 31"):
        PrivateKey(bytes(31))


def test_nothing_shows_a_private_key_or_a_secret():
    inside = "".join(PRIVATE.pem().splitlines()[1:-1])
    for each in (PRIVATE, SIGNER, BEARER, BEARER.attach(record()), own_only(BEARER.attach)):
        assert inside not in repr(each)
        assert SECRET not in repr(each)
        assert repr(bytes([1]) * 32) not in repr(each)
    assert repr(SIGNER) == "<Signer rag>"


@pytest.mark.parametrize("write", [msgspec.json.encode, pickle.dumps, copy.copy])
def test_a_private_key_cannot_be_written_by_accident(write):
    with pytest.raises(TypeError):
        write(PRIVATE)


def test_another_private_key_is_not_believed():
    other = Keyring.of(config({"id": "rag", "public_key": OTHER_PUBLIC_KEY}))
    assert judged(other, SIGNER.sign(record())) is Code.UNAUTHENTICATED


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to compare key files with its own")
def test_openssl_and_headgate_read_each_other_s_keys(tmp_path):
    file = tmp_path / "theirs.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True, capture_output=True)
    theirs = PrivateKey.from_pem(file.read_text())
    assert public_by_openssl(file) == theirs.public_key
    (tmp_path / "ours.pem").write_text(PRIVATE.pem())
    assert public_by_openssl(tmp_path / "ours.pem") == PUBLIC_KEY


def public_by_openssl(file):
    """The last 32 bytes of the public key's DER are the key."""
    import base64  # noqa: PLC0415 - only here

    der = subprocess.run(
        ["openssl", "pkey", "-in", file, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    return f"ed25519:{base64.b64encode(der[-32:]).decode()}"
