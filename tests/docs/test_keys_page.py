"""What docs/keys.md tells of signatures is what the gateway believes: its examples are run, in Python and in Java."""

import hashlib
import os
import re
import shutil
import subprocess
import time

import pytest
import yaml

from headgate.producers.private_key import PrivateKey
from headgate.routing.access.keyring import Keyring
from headgate.schemas.config import Config
from headgate.schemas.failures import Failure
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.signed_text import signed_text
from headgate.schemas.topics import Lane
from support.pages import blocks

PAGE = [block for block in blocks() if block.page == "docs/keys.md"]
TEXTS = [block.text for block in PAGE if block.language == "text"]
PYTHON = [block for block in PAGE if block.language == "python"]
(JAVA,) = [block for block in PAGE if block.language == "java"]
PEM, VALUE, HEADERS, TEXT = TEXTS
PUBLIC_KEY = PrivateKey.from_pem(PEM).public_key
CONFIG = Config(keys=[{"id": "rag-nightly", "public_key": PUBLIC_KEY}])
LANE = "headgate.requests.standard"


def believed(value, headers, at_ms):
    record = Record(LANE, value, None, tuple(headers))
    asked = read_request(record, Arrival(f"{LANE}/0/0", Lane.STANDARD, at_ms), Defaults())
    outcome = Keyring.of(CONFIG).check(asked, record, at_ms)
    return None if isinstance(outcome, Failure) else outcome.id


def now_ms():
    return int(time.time() * 1000)


def told_headers():
    return [(name, value.encode()) for name, _, value in (line.partition(": ") for line in HEADERS.splitlines())]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rag-nightly.pem").write_text(PEM)
    return tmp_path


def test_the_signature_to_compare_with_is_believed():
    value, at_ms = VALUE.rstrip("\n").encode(), 1_795_377_600_000
    assert believed(value, told_headers(), at_ms) == "rag-nightly"
    assert believed(value + b" ", told_headers(), at_ms) is None


def test_the_text_to_compare_with_is_what_is_signed():
    record = Record(LANE, VALUE.rstrip("\n").encode(), None, tuple(told_headers()))
    asked = read_request(record, Arrival("", Lane.STANDARD, 0), Defaults())
    assert signed_text(asked, record, b"1795377600").decode() == TEXT.rstrip("\n")
    assert len(TEXT.partition("\n")[0]) + 1 == 22
    assert hashlib.sha256(record.value).hexdigest() in TEXT


def test_the_public_key_of_the_examples_belongs_to_the_private_one():
    assert {key for block in PAGE for key in re.findall(r"ed25519:[\w+/]+=", block.text)} == {PUBLIC_KEY}
    config = Config.model_validate(yaml.safe_load(PAGE[0].text))
    assert Keyring.of(config)


def test_the_example_with_headgate_is_believed(folder):
    names = {}
    exec(compile(PYTHON[0].text, str(PYTHON[0]), "exec"), names)
    signed = names["signed"]
    assert signed.value == names["record"].value
    assert believed(signed.value, signed.headers, now_ms()) == "rag-nightly"


def test_the_example_without_headgate_is_believed(folder):
    assert "import headgate" not in PYTHON[1].text
    assert "from headgate" not in PYTHON[1].text
    names = {}
    exec(compile(PYTHON[1].text, str(PYTHON[1]), "exec"), names)
    assert believed(names["value"], names["headers"], now_ms()) == "rag-nightly"


@pytest.mark.skipif(shutil.which("java") is None, reason="needs a JDK 17, to run the example in Java")
def test_the_example_in_java_is_believed(folder):
    (folder / "Sign.java").write_text(JAVA.text)
    value = '{"body":{"model":"small","messages":[{"role":"user","content":"Grüße 😀"}]}}'
    command = ["java", "-Dfile.encoding=UTF-8", "-Dsun.jnu.encoding=UTF-8", "Sign.java", "rag-nightly.pem", value]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    printed = [(name, text.encode()) for name, _, text in (line.partition(": ") for line in done.stdout.splitlines())]
    said = [
        ("headgate-key", b"rag-nightly"),
        ("headgate-request-id", b"q-1"),
        ("reply_to", b"headgate.replies.rag"),
    ]
    assert [name for name, _ in printed] == ["headgate-signed-at", "headgate-signature"]
    assert believed(value.encode(), [*said, *printed], now_ms()) == "rag-nightly"
    assert believed(value.encode(), [*said[:2], *printed], now_ms()) is None  # for another reply topic
