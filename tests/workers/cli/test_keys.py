"""`headgate keys`: what it prints admits what it made, and no secret is where it should not be."""

import json
import os
import re
import stat

import pytest
import yaml

from headgate.producers.private_key import PrivateKey
from headgate.producers.signing import Bearer, Signer
from headgate.routing.access.keyring import Keyring
from headgate.schemas.failures import Failure
from headgate.workers.cli import main
from headgate.workers.settings import Settings, load_settings
from support.keys import NOW_MS, OTHER_PUBLIC_KEY, PUBLIC_KEY, SECRET, hashed, read, record

HASH = hashed(SECRET)["sha256"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def call(here, capsys):
    def call_(*arguments):
        status = main(("keys", *arguments))
        out, err = capsys.readouterr()
        return status, out, err

    return call_


def configured(here, **parts):
    (here / "headgate.yaml").write_text(yaml.safe_dump(parts))


def admitted(here, out, proven, form="yaml"):
    """Whether a request is admitted with nothing but the printed lines as the config."""
    document = json.loads(out) if form == "json" else yaml.safe_load(out)
    (here / "printed.yaml").write_text(out)
    loaded = load_settings(here / "printed.yaml", {})
    assert isinstance(loaded, Settings), str(loaded)
    assert set(document) == {"keys"}
    keyring = Keyring.of(loaded.config)
    return not isinstance(keyring.check(read(proven), proven, NOW_MS), Failure)


def signer(file, key="rag"):
    return Signer(key, PrivateKey.from_pem(file.read_text()), now=lambda: NOW_MS / 1000)


def secret_in(err):
    (secret,) = re.findall(r"^    (hg-[A-Za-z0-9_-]{43})$", err, re.MULTILINE)
    return secret


# create


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_signed_key_is_admitted_by_what_is_printed_and_signs_with_the_file(here, call, form):
    status, out, err = call("create", "rag", "--format", form)
    assert status == 0
    assert admitted(here, out, signer(here / "rag.pem").sign(record()), form)
    assert not admitted(here, out, record(), form)
    assert "rag.pem" in err
    inside = (here / "rag.pem").read_text().splitlines()[1]
    assert inside not in out + err


def test_a_private_key_is_its_owner_s_only(here, call):
    before = os.umask(0)
    try:
        call("create", "rag", "--signed", "--key-file", "mine.pem")
        call("create", "web", "--bearer", "--key-file", "mine.txt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((here / "mine.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((here / "mine.txt").stat().st_mode) == 0o600


@pytest.mark.parametrize("in_the_way", ["file", "link"])
def test_no_file_is_ever_written_over(here, call, in_the_way):
    if in_the_way == "file":
        (here / "rag.pem").write_text("precious")
    else:
        (here / "rag.pem").symlink_to(here / "nowhere")
    status, out, err = call("create", "rag")
    assert (status, out) == (2, "")
    assert "rag.pem is there already" in err
    assert "--key-file" in err
    assert in_the_way == "link" or (here / "rag.pem").read_text() == "precious"
    assert not (here / "nowhere").exists()


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_printed(here, call):
    status, out, err = call("create", "rag", "--key-file", "no/such/folder.pem")
    assert (status, out) == (2, "")
    assert "No such file" in err


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_bearer_key_is_admitted_by_what_is_printed_and_its_secret_is_on_stderr_once(here, call, form):
    status, out, err = call("create", "rag", "--bearer", "--format", form)
    secret = secret_in(err)
    assert status == 0
    assert admitted(here, out, Bearer("rag", secret).attach(record()), form)
    assert not admitted(here, out, Bearer("rag", SECRET).attach(record()), form)
    assert secret not in out
    assert err.count(secret) == 1
    assert [path.name for path in here.iterdir()] == ["printed.yaml"]


def test_a_bearer_secret_may_go_to_a_file_instead(here, call):
    status, out, err = call("create", "rag", "--bearer", "--key-file", "secret.txt")
    secret = (here / "secret.txt").read_text().strip()
    assert status == 0
    assert admitted(here, out, Bearer("rag", secret).attach(record()))
    assert secret not in out + err


def test_secrets_and_keys_are_new_each_time(call):
    first, second = (secret_in(call("create", "rag", "--bearer")[2]) for _ in range(2))
    assert first != second
    assert call("create", "rag", "--key-file", "a")[1] != call("create", "rag", "--key-file", "b")[1]


def test_a_trusted_key_has_nothing_secret(here, call):
    status, out, err = call("create", "rag", "--trusted", "--workspace", "research")
    assert (status, yaml.safe_load(out)) == (0, {"keys": [{"id": "rag", "workspace": "research"}]})
    assert admitted(here, out, record())
    assert "the broker" in err


def test_a_key_may_have_an_end(here, call):
    _, out, _ = call("create", "rag", "--trusted", "--expires", "90d")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", yaml.safe_load(out)["keys"][0]["expires"])
    _, out, _ = call("create", "rag", "--trusted", "--expires", "2027-01-15T09:00:00+01:00")
    assert yaml.safe_load(out)["keys"][0]["expires"] == "2027-01-15T08:00:00Z"
    assert not admitted(here, out, record())


@pytest.mark.parametrize("when", ["soon", "2027-01-01", "999999999d", ""])
def test_an_end_that_is_none_is_bad_usage(call, when):
    status, out, err = call("create", "rag", "--trusted", "--expires", when)
    assert (status, out) == (2, "")
    assert "90d" in err


def test_a_name_that_is_taken_is_not_made_again(here, call):
    configured(here, keys=[{"id": "rag"}])
    status, out, err = call("create", "rag")
    assert (status, out) == (2, "")
    assert "keys.1.id: expected each id once among keys, got 'rag' a second time" in err
    assert not (here / "rag.pem").exists()


@pytest.mark.parametrize(
    ("parts", "arguments", "told"),
    [
        ({"authentication": {"accept": ["bearer"]}}, ("rag",), "authentication.accept (bearer), got one for signature"),
        ({"authentication": {"accept": ["signature"]}}, ("rag", "--trusted"), "got one for trusted"),
        ({"workspaces": [{"id": "research"}]}, ("rag", "--workspace", "reserach"), "(research), got 'reserach'"),
        ({}, ("r" * 513, "--trusted"), "at most 512 characters"),
        ({}, ("",), "at least 1 character"),
    ],
)
def test_what_would_make_the_config_wrong_is_not_made(here, call, parts, arguments, told):
    configured(here, **parts)
    status, out, err = call("create", *arguments)
    assert (status, out) == (2, "")
    assert told in err
    assert [path.name for path in here.iterdir()] == ["headgate.yaml"]


def test_a_key_is_made_beside_all_that_a_config_may_have(here, call, monkeypatch):
    monkeypatch.setenv("PASSWORD", "very secret")
    configured(
        here,
        bus={"kafka": {"sasl": {"username": "u", "password": "os.environ/PASSWORD"}, "session_timeout": "10s"}},
        store={"redis": {"url": "redis://:${PASSWORD}@host:6379/0"}},
        providers={"p": {"api_key": "os.environ/PASSWORD", "limits": {"parallel": 3}}},
        models=[{"name": "m", "deployments": [{"id": "d", "provider": "p", "model": "x", "price": {"input": 0.1}}]}],
        keys=[
            {"id": "other", "budgets": [{"usd": 5, "at_limit": {"fallback": "m"}}], "expires": "2027-01-01T00:00:00Z"}
        ],
        defaults={"deadline": "24h"},
    )
    status, out, err = call("create", "rag", "--trusted")
    assert (status, yaml.safe_load(out)) == (0, {"keys": [{"id": "rag"}]})
    assert "very secret" not in out + err


def test_a_key_whose_name_is_no_file_s_needs_one_named(here, call):
    for name in ("../evil", ".hidden", "a/b", "ä"):
        status, out, err = call("create", name)
        assert (status, out) == (2, "")
        assert "--key-file" in err
    assert list(here.iterdir()) == []
    assert call("create", "a/b", "--key-file", "it.pem")[0] == 0


# rotate


def test_both_proofs_are_accepted_while_a_signed_key_is_rotated(here, call):
    _, before, _ = call("create", "rag")
    (here / "headgate.yaml").write_text(before)
    status, out, err = call("rotate", "rag")
    assert status == 0
    for file in ("rag.pem", "rag.new.pem"):
        assert admitted(here, out, signer(here / file).sign(record()))
    assert (here / "headgate.yaml").read_text() == before
    assert "1. Put these lines" in err


def test_both_secrets_are_accepted_while_a_bearer_key_is_rotated(here, call):
    configured(here, keys=[{"id": "rag", "secret": {"sha256": HASH}, "limits": {"parallel": 3}}])
    status, out, err = call("rotate", "rag", "--format", "json")
    assert status == 0
    for secret in (SECRET, secret_in(err)):
        assert admitted(here, out, Bearer("rag", secret).attach(record()), "json")
    assert set(json.loads(out)["keys"][0]) == {"id", "secret", "former"}  # nothing that stays as it is


def test_the_last_but_one_is_dropped_and_that_is_told(here, call):
    configured(here, keys=[{"id": "rag", "secret": {"sha256": HASH}, "former": [{"sha256": "0" * 64}]}])
    _, out, err = call("rotate", "rag")
    assert yaml.safe_load(out)["keys"][0]["former"] == [{"sha256": HASH}]
    assert "1 that were former ones already are not accepted any longer" in err


def test_a_key_may_change_from_a_secret_to_signing(here, call):
    configured(here, keys=[{"id": "rag", "secret": {"sha256": HASH}}])
    status, out, _ = call("rotate", "rag", "--signed")
    assert (status, set(yaml.safe_load(out)["keys"][0])) == (0, {"id", "public_key"})
    assert admitted(here, out, signer(here / "rag.new.pem").sign(record()))


@pytest.mark.parametrize(
    ("key", "arguments", "told"),
    [
        ({"id": "other"}, (), "expected a key of the config (other), got 'rag'"),
        ({"id": "rag"}, (), "--signed or --bearer"),
        ({"id": "rag", "secret": {"sha256": HASH}, "public_key": PUBLIC_KEY}, (), "--bearer or --signed"),
    ],
)
def test_what_cannot_be_rotated_is_told(here, call, key, arguments, told):
    configured(here, keys=[key])
    status, out, err = call("rotate", "rag", *arguments)
    assert (status, out) == (2, "")
    assert told in err


# revoke and list


def test_a_revoked_key_has_expired(here, call):
    configured(here, keys=[{"id": "rag"}])
    status, out, err = call("revoke", "rag")
    assert (status, list(yaml.safe_load(out)["keys"][0])) == (0, ["id", "expires"])
    (here / "headgate.yaml").write_text(out)
    assert json.loads(call("list", "--format", "json")[1])["rows"][0]["state"] == "expired"
    assert "restart the workers" in err
    assert call("revoke", "other")[0] == 2


def test_keys_are_listed_without_what_they_are_proved_with(here, call):
    keys = [
        {"id": "rag", "workspace": "research", "public_key": PUBLIC_KEY, "former_public_keys": [OTHER_PUBLIC_KEY]},
        {"id": "web", "secret": {"sha256": HASH}, "expires": "2020-01-01T00:00:00Z", "models": ["small", "la*"]},
        {"id": "ops", "lane": "bulk", "weight": 2.5, "expires": "9999-01-01T00:00:00Z"},
    ]
    configured(here, keys=keys)
    status, out, err = call("list", "--format", "json")
    rag, web, ops = json.loads(out)["rows"]
    assert (status, err) == (0, "")
    assert (rag["proof"], rag["fingerprint"], rag["former"]) == ("signature", PUBLIC_KEY[:20], 1)
    assert (rag["workspace"], rag["state"]) == ("research", "active")
    assert (web["proof"], web["fingerprint"]) == ("bearer", f"sha256:{HASH[:12]}")
    assert (web["models"], web["state"]) == ("small la*", "expired")
    assert (ops["proof"], ops["fingerprint"], ops["lane"], ops["weight"]) == ("trusted", "", "bulk", "2.5")
    assert re.fullmatch(r"expires in \d+ d", ops["state"])
    assert HASH not in out
    assert PUBLIC_KEY not in out
    assert len(call("list")[1].splitlines()) == 5


def test_a_config_without_keys_says_what_that_means(here, call):
    status, out, err = call("list")
    assert status == 0
    assert "every name is an unlimited key" in err
    assert out.splitlines()[0].startswith("key ")
