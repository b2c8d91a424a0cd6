"""What `run` and `submit` prove a batch with: tried as a gateway would, before anything is submitted."""

import pytest

from headgate.producers.private_key import PrivateKey
from headgate.producers.terms import Terms
from headgate.routing.access.keyring import Keyring
from headgate.schemas.config import Config
from headgate.schemas.proof import read_proof
from headgate.workers.cli import main
from headgate.workers.cli.batch_terms import Wishes, new_terms
from headgate.workers.cli.options import BadUsage
from headgate.workers.cli.proving import prover
from support.batches import chat_line, write_lines
from support.keys import OTHER_PUBLIC_KEY, OTHER_SECRET, PUBLIC_KEY, SECRET, config, hashed, record

SIGNED = config({"id": "rag", "public_key": PUBLIC_KEY})
BEARER = config({"id": "rag", "secret": hashed(SECRET)})


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pem").write_text(PrivateKey(bytes([1]) * 32).pem())
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "other").write_text(OTHER_SECRET)
    (tmp_path / "words").write_text("two words")
    (tmp_path / "empty").write_text("")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "broken").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    return tmp_path


def terms_of(config_, key="rag"):
    return new_terms(config_, Wishes(key=key))


@pytest.mark.parametrize(
    ("config_", "file", "kind"), [(SIGNED, "pem", "a signature"), (BEARER, "secret", "a bearer secret")]
)
def test_a_file_with_a_private_key_signs_and_one_with_a_secret_sends_it(files, config_, file, kind):
    prove = prover(config_, terms_of(config_), files / file)
    assert read_proof(prove(record()).headers).kind == kind
    assert read_proof(prove(record(key="eve")).headers).kind == "none"


def test_without_a_file_nothing_is_added():
    plain = record()
    assert prover(Config(), terms_of(Config()), None)(plain) is plain
    assert prover(config({"id": "rag"}), terms_of(Config()), None)(plain) is plain


def test_a_key_file_is_of_the_default_key_where_none_is_named(files):
    default = Config.model_validate({**SIGNED.model_dump(), "defaults": {"key": "rag"}})
    prove = prover(default, terms_of(default, None), files / "pem")
    assert read_proof(prove(record()).headers).kind == "a signature"


@pytest.mark.parametrize(
    ("config_", "key", "file", "told"),
    [
        (SIGNED, "rag", None, "unauthenticated"),
        (SIGNED, "eve", "pem", "the keys of the config are rag"),
        (SIGNED, None, "pem", "requests of local would be refused"),
        (SIGNED, "rag", "secret", "got a bearer secret"),
        (BEARER, "rag", "other", "unauthenticated"),
        (config({"id": "rag", "public_key": OTHER_PUBLIC_KEY}), "rag", "pem", "unauthenticated"),
        (config({"id": "rag", "expires": "2020-01-01T00:00:00Z"}), "rag", None, "key_expired"),
        (config({"id": "rag", "reply_topics": ["answers"]}), "rag", None, "expected a topic that matches answers"),
    ],
)
def test_what_a_gateway_would_refuse_is_not_submitted(files, config_, key, file, told):
    with pytest.raises(BadUsage) as caught:
        prover(config_, terms_of(config_, key), None if file is None else files / file)
    assert told in str(caught.value.message)
    for secret in (SECRET, OTHER_SECRET):
        assert secret not in caught.value.message


def test_whose_key_may_not_be_answered_is_told_what_to_list():
    mine = config({"id": "rag", "reply_topics": ["answers"]})
    with pytest.raises(BadUsage) as caught:
        prover(mine, terms_of(mine, "rag"), None)
    assert "list it under reply_topics" in caught.value.message


@pytest.mark.parametrize("file", ["words", "empty", "bytes", "broken", "", "no-such-file"])
def test_a_file_that_holds_neither_is_bad_usage(files, file):
    with pytest.raises(BadUsage, match="expected"):
        prover(Config(), terms_of(Config()), files / file)


def test_a_model_that_the_key_may_not_ask_for_is_a_matter_of_each_line():
    few = config({"id": "rag", "models": []})
    assert prover(few, terms_of(few), None)


def test_the_command_ends_before_anything_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "headgate.yaml").write_text("keys: [{id: rag, public_key: '" + PUBLIC_KEY + "'}]\n")
    write_lines(tmp_path / "in.jsonl", [chat_line("q")])
    before = sorted(tmp_path.iterdir())
    assert main(["run", "in.jsonl", "-o", "out.jsonl", "--key", "rag"]) == 2
    assert "--key-file" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_signature_is_for_where_this_batch_s_replies_go(files):
    own = config({"id": "rag", "public_key": PUBLIC_KEY, "reply_topics": ["answers"]})
    terms = Terms("batch-20261122-150301-bcdfghjk", "headgate.requests.standard", "answers", key="rag")
    prove = prover(own, terms, files / "pem")
    assert dict(prove(record()).headers)["reply_to"] == b"answers"
    assert Keyring.of(own)
