"""The files that TLS is configured by: what is read, what is refused with which words, and the examples in the docs."""

import re
from pathlib import Path

import pytest
import yaml

from headgate.producers.kafka_client import client_options
from headgate.producers.tls import TlsFileError, tls_context
from headgate.schemas.config import Config, Tls
from headgate.workers.addresses import address_of
from headgate.workers.settings import ConfigErrors, Settings, load_settings
from support.authority import Authority, skip_without_openssl
from support.cluster import Cluster, line, write_lines
from support.secured import ENVIRONMENT, SECRETS, assert_no_secret

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
PASSWORD = SECRETS["scram"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    skip_without_openssl()
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def files(tmp_path_factory, authority):
    """Names → files, good and bad."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "empty").touch()
    (directory / "text").write_text("no PEM\n")
    one, other, locked = authority.issue("one"), authority.issue("other"), authority.issue("locked", password=PASSWORD)
    return {
        "ca": authority.file,
        "cert": one.cert,
        "key": one.key,
        "both": one.both,
        "other key": other.key,
        "locked cert": locked.cert,
        "locked key": locked.key,
        "nothing": directory / "nothing.pem",
        "directory": directory,
        "empty": directory / "empty",
        "text": directory / "text",
    }


def tls_of(files, ca="ca", cert=None, key=None, password=None):
    named = {"ca_file": ca, "cert_file": cert, "key_file": key}
    found = {name: str(files[what]) for name, what in named.items() if what is not None}
    return Tls.model_validate(found | ({} if password is None else {"key_password": password}))


@pytest.mark.parametrize(
    "good",
    [{}, {"cert": "cert", "key": "key"}, {"cert": "both"}, {"cert": "locked cert", "key": "locked key"}],
    ids=str,
)
def test_certificates_are_read(files, good):
    tls_context(tls_of(files, **good, password=PASSWORD if "locked cert" in good.values() else None))


BAD = [
    ({"ca": "nothing"}, "tls.ca_file", "No such file or directory"),
    ({"ca": "directory"}, "tls.ca_file", ""),
    ({"ca": "empty"}, "tls.ca_file", "NO_CERTIFICATE_OR_CRL_FOUND"),
    ({"ca": "text"}, "tls.ca_file", "NO_CERTIFICATE_OR_CRL_FOUND"),
    ({"ca": "key"}, "tls.ca_file", "NO_CERTIFICATE_OR_CRL_FOUND"),
    ({"cert": "nothing", "key": "key"}, "tls.cert_file", "No such file or directory"),
    ({"cert": "cert", "key": "nothing"}, "tls.key_file", "No such file or directory"),
    ({"cert": "directory", "key": "key"}, "tls.cert_file", "Is a directory"),
    ({"cert": "text", "key": "key"}, "tls.cert_file", "not PEM"),
    ({"cert": "cert"}, "tls.cert_file", "not PEM"),
    ({"cert": "cert", "key": "other key"}, "tls.cert_file and tls.key_file", "KEY_VALUES_MISMATCH"),
    ({"cert": "locked cert", "key": "locked key"}, "tls.key_password if the key is encrypted", "encrypted otherwise"),
    (
        {"cert": "locked cert", "key": "locked key", "password": SECRETS["wrong"]},
        "tls.key_password if the key is encrypted",
        "encrypted otherwise",
    ),
]


@pytest.mark.parametrize(("bad", "where", "why"), BAD, ids=[str(list(each[0].items())) for each in BAD])
def test_a_file_that_cannot_be_used_is_named_with_the_reason(files, bad, where, why, authority):
    with pytest.raises(TlsFileError) as refusal:
        tls_context(tls_of(files, **bad))
    told = str(refusal.value)
    assert told.startswith("expected ")
    assert where in told
    assert why in told
    assert any(str(files[what]) in told for name, what in bad.items() if name != "password")
    assert_no_secret(told, authority.issue("one"), authority.issue("other"), authority.issue("locked"))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"bus": {"kafka": {"tls": {"key_file": "k"}}}}, "cert_file beside key_file"),
        ({"bus": {"redis": {"url": "rediss://h", "tls": {"key_password": "k"}}}}, "cert_file beside key_file"),
        ({"bus": {"redis": {"url": "redis://h", "tls": {}}}}, "expected a url of rediss:// beside tls, got redis://"),
        ({"store": {"redis": {"url": "unix:///s", "tls": {}}}}, "expected a url of rediss:// beside tls, got unix://"),
    ],
)
def test_what_would_leave_a_connection_in_the_clear_is_refused_by_the_config(tmp_path, part, expected):
    (tmp_path / "headgate.yaml").write_text(yaml.safe_dump(part))
    loaded = load_settings(tmp_path / "headgate.yaml", {})
    assert isinstance(loaded, ConfigErrors)
    assert expected in str(loaded)


def test_the_password_of_a_key_is_a_secret_of_the_config():
    config = Config(bus={"kafka": {"tls": {"cert_file": "c", "key_password": PASSWORD}}})
    assert_no_secret(repr(config))
    assert PASSWORD in Settings(config, None, ()).secrets()


WORKER = ("worker", "--simulator", "http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("kind", "commands"), [("kafka", [WORKER]), ("redis", [("recorder",), ("submit", "in.jsonl")])]
)
def test_processes_end_with_the_name_of_a_file_that_is_missing(tmp_path, files, kind, commands):
    tls = {"ca_file": str(files["nothing"])}
    config = {"kafka": {"tls": tls}} if kind == "kafka" else {"redis": {"url": "rediss://127.0.0.1:1", "tls": tls}}
    with Cluster(tmp_path, {"bus": config}) as cluster:
        write_lines(tmp_path / "in.jsonl", [line(1)])
        for command in commands:
            done = cluster.headgate(*command, check=False)
            assert (done.returncode, done.stdout) == (1, ""), done.stderr
            assert f"at tls.ca_file, got {files['nothing']}: No such file or directory" in done.stderr
            assert "Traceback" not in done.stderr


def examples():
    for page in ("kafka.md", "running.md"):
        for text in re.findall(r"```yaml\n(.*?)```", (OPERATIONS / page).read_text(), re.DOTALL):
            if set(yaml.safe_load(text)) & {"bus", "store"}:
                yield page, text


def test_the_examples_of_the_docs_connect_in_every_way(tmp_path, files):
    """With the paths of files that are there: what is connected by is made of each example as the processes make it."""
    protocols, schemes = set(), set()
    for number, (_, text) in enumerate(examples()):
        own = text.replace("/etc/headgate/client.pem", str(files["cert"]))
        own = own.replace("/etc/headgate/client.key", str(files["key"]))
        own = re.sub(r"/etc/headgate/\w+-ca\.pem", str(files["ca"]), own)
        file = tmp_path / f"{number}.yaml"
        file.write_text(own)
        loaded = load_settings(file, {**ENVIRONMENT, "KAFKA_PASSWORD": PASSWORD, "REDIS_PASSWORD": PASSWORD})
        assert isinstance(loaded, Settings), str(loaded)
        config = loaded.config
        if config.bus is not None and config.bus.kafka is not None:
            protocols.add(client_options(config.bus.kafka, "docs")["security_protocol"])
        for redis in (config.bus and config.bus.redis, config.store and config.store.redis):
            if redis is not None:
                address = address_of(redis, None)
                schemes.add((redis.url.partition(":")[0], address.tls is not None))
    assert protocols == {"PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"}
    assert schemes == {("redis", False), ("rediss", True)}
