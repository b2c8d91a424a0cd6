"""A Redis by TLS, with users and certificates: as the bus, as the store, and what is said to those not let in."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from headgate.producers.redis_link import LinkDown, LinkRefused, RedisLink
from headgate.schemas.config import RedisServer
from headgate.workers.addresses import address_of
from headgate.workers.settings.references import resolve
from support.authority import Authority, skip_without_openssl
from support.cluster import Cluster, line, write_lines
from support.secured import (
    ENVIRONMENT,
    USER,
    assert_no_secret,
    redis_in_the_clear,
    secured_redis,
)

pytestmark = pytest.mark.timeout(300)

COUNT = 50
#: Far above what a refusal takes on a busy machine; to wait for a server would take for ever.
SECONDS = 60


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    skip_without_openssl()
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def redis(tmp_path_factory, authority):
    """One that asks for certificates, and for a user and a password."""
    with secured_redis(tmp_path_factory.mktemp("redis"), authority) as server:
        yield server


@pytest.fixture
def strangers(tmp_path):
    """An authority that the server does not know."""
    return Authority(tmp_path / "strangers", "an authority of somebody else's")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def link_to(config):
    """A link as the processes make it of their config."""
    return RedisLink(address_of(RedisServer.model_validate(resolve(config, ENVIRONMENT).data), None))


async def who_am_i(config):
    link = link_to(config)
    try:
        return (await link.call("ACL", "WHOAMI")).decode()
    finally:
        await link.close()


def seconds_of(log):
    """How long the process went on after its first line of log; 0 for those that log nothing.

    Not since its start: on a busy machine that alone may take half a minute.
    """
    stamps = [datetime.fromisoformat(json.loads(each)["ts"]) for each in log.splitlines() if each.startswith("{")]
    return (stamps[-1] - stamps[0]).total_seconds() if stamps else 0.0


def told(directory):
    """All that the processes wrote of themselves."""
    return "".join(path.read_text(errors="replace") for path in directory.rglob("*.log"))


def test_a_whole_job_passes_through_a_bus_by_tls(tmp_path, redis):
    with Cluster(tmp_path, {"bus": {"redis": redis.config(prefix="job.")}}) as cluster:
        write_lines(tmp_path / "in.jsonl", [line(n) for n in range(COUNT)])
        done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl")
        assert len(cluster.ledger()) == COUNT
    answers = [json.loads(each) for each in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"c{n}" for n in range(COUNT)]
    assert all(answer["response"]["status_code"] == 200 for answer in answers)
    assert not (tmp_path / ".headgate" / "valkey").exists(), "bus and store were to be the Redis"
    assert_no_secret(done.stdout + done.stderr + told(tmp_path), redis.client)


async def test_who_has_user_password_and_certificate_is_let_in(redis):
    assert await who_am_i(redis.config()) == USER
    assert await who_am_i(redis.config(url=redis.url("localhost", user=USER))) == USER


async def test_user_and_password_may_stand_in_the_url(redis):
    assert await who_am_i(redis.config(url=redis.url(user=f"{USER}:{redis.quoted_password}"), password=None)) == USER


async def test_the_clients_key_may_be_encrypted_or_beside_its_certificate(redis, authority):
    locked = authority.issue("locked", password=ENVIRONMENT["HEADGATE_TEST_SCRAM"])
    ours = {"ca_file": str(authority.file)}
    files = {"cert_file": str(locked.cert), "key_file": str(locked.key)}
    password = {"key_password": "os.environ/HEADGATE_TEST_SCRAM"}
    assert await who_am_i(redis.config(tls={**ours, **files, **password})) == USER
    assert await who_am_i(redis.config(tls={**ours, "cert_file": str(redis.client.both)})) == USER


async def test_certificates_of_clients_are_not_needed_where_nobody_asks(tmp_path, authority):
    with secured_redis(tmp_path / "redis", authority, clients="no") as server:
        assert await who_am_i(server.config(tls={"ca_file": str(authority.file)})) == USER


async def test_a_host_name_that_may_be_skipped_lets_in(tmp_path, authority):
    with secured_redis(tmp_path / "redis", authority, host="redis.elsewhere.example") as server:
        with pytest.raises(LinkRefused, match=r"certificate is not valid for '127\.0\.0\.1'; name the server as"):
            await who_am_i(server.config())
        tls = {**server.config()["tls"], "check_hostname": False}
        assert await who_am_i(server.config(tls=tls)) == USER


async def test_a_server_that_is_away_is_waited_for_by_tls_too(tmp_path, authority):
    with secured_redis(tmp_path / "redis", authority) as server:
        link = link_to(server.config())
        assert await link.call("PING") == b"PONG"
        with pytest.raises(LinkDown):
            await link.call("SHUTDOWN", "NOSAVE")
        for _ in range(3):
            with pytest.raises(LinkDown):
                await link.call("PING")
    with secured_redis(tmp_path / "redis", authority, port=server.port):
        assert await link.call("PING") == b"PONG"
    await link.close()


#: What is wrong → what is changed of a right config, and what is said.
REFUSALS = {
    "a wrong password": ({"password": "os.environ/HEADGATE_TEST_WRONG"}, "Check the user, password and rights"),
    "another user": ({"user": "nobody"}, "Check the user, password and rights"),
    "no password": ({"user": "", "password": None}, "Check the user, password and rights"),
    "no TLS": ({"scheme": "redis", "tls": None}, "expected a server without TLS at 127.0.0.1:"),
    "another authority": ({"tls": "strangers"}, "name the authority that signed it in tls.ca_file"),
    "the system's authorities": ({"tls": None}, "name the authority that signed it in tls.ca_file"),
    "no client certificate": ({"tls": "ours"}, "see tls.cert_file and tls.key_file"),
    "a stranger's client certificate": ({"tls": "foreign"}, "see tls.cert_file and tls.key_file"),
}


def wrong(redis, strangers, changes):
    """A config of which one thing is wrong."""
    foreign = strangers.issue("stranger")
    ours = {"ca_file": str(redis.authority.file)}
    tls = {
        "ours": ours,
        "strangers": {**redis.config()["tls"], "ca_file": str(strangers.file)},
        "foreign": {**ours, "cert_file": str(foreign.cert), "key_file": str(foreign.key)},
    }
    rest = {name: tls.get(value, value) for name, value in changes.items() if name not in {"user", "scheme"}}
    url = redis.url(user=changes.get("user", USER), scheme=changes.get("scheme", "rediss"))
    return redis.config(url=url, **rest)


@pytest.mark.parametrize("what", REFUSALS)
async def test_whoever_is_not_let_in_hears_why_and_what_to_do(redis, strangers, what):
    changes, said = REFUSALS[what]
    began = time.monotonic()
    with pytest.raises(LinkRefused) as refusal:
        await who_am_i(wrong(redis, strangers, changes))
    assert time.monotonic() - began < SECONDS
    assert str(refusal.value).startswith("expected ")
    assert said in str(refusal.value)
    assert_no_secret(str(refusal.value), redis.client)


async def test_tls_where_there_is_none_is_told():
    with redis_in_the_clear() as port:
        told = f"expected to agree on TLS with the server at 127.0.0.1:{port}, got an answer without TLS; give the port"
        with pytest.raises(LinkRefused, match=told):
            await who_am_i({"url": f"rediss://127.0.0.1:{port}/0"})


PROCESSES = {
    "worker": ("worker", "--simulator", "http://127.0.0.1:9/v1"),
    "recorder": ("recorder",),
    "submit": ("submit", "in.jsonl"),
    "run": ("run", "in.jsonl", "-o", "out.jsonl"),
}


@pytest.mark.parametrize(
    "what",
    [
        "no client certificate",
        *(pytest.param(what, marks=pytest.mark.soak) for what in ("a wrong password", "no TLS", "another authority")),
    ],
)
def test_every_process_that_is_not_let_in_ends_with_the_reason(tmp_path, redis, strangers, what):
    changes, said = REFUSALS[what]
    config = {"bus": {"redis": wrong(redis, strangers, changes)}}

    def attempt(name):
        directory = tmp_path / name
        directory.mkdir()
        with Cluster(directory, config) as cluster:
            write_lines(directory / "in.jsonl", [line(1)])
            done = cluster.headgate(*PROCESSES[name], check=False)
            return name, done, seconds_of(done.stderr), told(directory)

    with ThreadPoolExecutor(2) as pool:
        for name, done, seconds, logs in pool.map(attempt, PROCESSES):
            assert done.returncode == 1, f"{name}: {done.stderr}"
            assert seconds < SECONDS, f"{name} took {seconds:.0f} s"
            assert said in done.stderr, f"{name}: {done.stderr}"
            assert "Traceback" not in done.stderr, name
            assert done.stdout == "", name
            assert_no_secret(done.stderr + logs, redis.client)
