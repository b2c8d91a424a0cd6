"""Kafka by TLS and SASL: whole jobs where nothing else is open, and what is said to those who are not let in."""

import asyncio
import json
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
import yaml
from aiokafka.client import AIOKafkaClient

from headgate.producers.kafka import KafkaBatchBus
from headgate.producers.kafka_client import client_options
from headgate.producers.kafka_entry import NoEntryError, enter
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Topics
from headgate.workers.bus.kafka.bus import KafkaBus
from headgate.workers.bus.kafka.usage_source import KafkaUsageSource
from headgate.workers.settings import Settings, load_settings
from support.authority import Authority, skip_without_openssl
from support.cluster import Cluster, line, reconcile, write_lines
from support.kafka_fixture import _locked, _main_pid, _shared_broker, _shared_root
from support.secured import (
    ENVIRONMENT,
    LISTENERS,
    SecuredKafka,
    assert_no_secret,
    read_ports,
    secured_redis,
    write_broker_settings,
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

COUNT = 50
#: Far above what a refusal takes on a busy machine; to wait for a broker would take for ever.
SECONDS = 60


@pytest.fixture(scope="session")
def kafka(kafka_tools, pytestconfig, tmp_path_factory):
    """One broker for all processes of the run."""
    skip_without_openssl()
    home = _shared_root(pytestconfig, tmp_path_factory) / "secured"
    home.mkdir(exist_ok=True)
    with _locked(home / "making"):
        authority = Authority(home / "authority")
        authority.issue("headgate-app")
        write_broker_settings(home / "kafka", authority)
    with _shared_broker(home, _main_pid(pytestconfig)):
        yield SecuredKafka(read_ports(home / "kafka"), authority)


@pytest.fixture
def strangers(tmp_path):
    """An authority that the broker does not know."""
    return Authority(tmp_path / "strangers", "an authority of somebody else's")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def bus(kafka, listener, **changes):
    """The config of a bus whose names nobody else has."""
    name = uuid.uuid4().hex[:8]
    own = {"prefix": f"{name}.", "group": f"{name}-workers", "partitions": 2}
    return {"bus": {"kafka": {**kafka.config(listener, **changes), **own}}}


def seconds_of(log):
    """How long the process went on after its first line of log; 0 for those that log nothing.

    Not since its start: on a busy machine that alone may take half a minute.
    """
    stamps = [datetime.fromisoformat(json.loads(each)["ts"]) for each in log.splitlines() if each.startswith("{")]
    return (stamps[-1] - stamps[0]).total_seconds() if stamps else 0.0


def told(directory):
    """All that the processes wrote of themselves."""
    return "".join(path.read_text(errors="replace") for path in directory.rglob("*.log"))


def metrics_of(process):
    address = json.loads(process.line())["operations"]
    with urllib.request.urlopen(f"{address}/metrics", timeout=SECONDS) as answer:
        return answer.read().decode()


def assert_answered(path):
    answers = [json.loads(each) for each in path.read_bytes().splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"c{n}" for n in range(COUNT)]
    assert all(answer["response"]["status_code"] == 200 for answer in answers)


def loaded_bus(directory, config):
    """The same as the processes read it."""
    (directory / "headgate.yaml").write_text(yaml.safe_dump(config))
    loaded = load_settings(directory / "headgate.yaml", ENVIRONMENT)
    assert isinstance(loaded, Settings), str(loaded)
    return loaded.config.bus.kafka


async def entered(config):
    """Enter and leave."""
    options = client_options(config, "test")
    client = AIOKafkaClient(**options)
    try:
        await enter(client, options)
    finally:
        await client.close()


@pytest.mark.parametrize("listener", LISTENERS)
async def test_no_listener_is_open_to_whoever_brings_nothing(tmp_path, kafka, listener):
    config = loaded_bus(tmp_path, bus(kafka, listener, tls=None, sasl=None))
    with pytest.raises(NoEntryError):
        await entered(config)


def test_submit_worker_recorder_and_collect_pass_by_certificates_alone(tmp_path, kafka):
    with (
        secured_redis(tmp_path / "redis", kafka.authority) as redis,
        Cluster(tmp_path, {**bus(kafka, "MTLS"), "store": {"redis": redis.config()}}) as cluster,
    ):
        cluster.simulator()
        worker, recorder = cluster.worker("a"), cluster.recorder()
        metrics = metrics_of(worker) + metrics_of(recorder)
        write_lines(tmp_path / "in.jsonl", [line(n) for n in range(COUNT)])
        submitted = cluster.headgate("submit", "in.jsonl", "--format", "json")
        collected = cluster.headgate("collect", json.loads(submitted.stdout)["rows"][0]["batch"], "-o", "out.jsonl")
        assert worker.terminate() == 0, worker.told()
        assert recorder.terminate() == 0, recorder.told()
        assert reconcile(cluster.sim.books(), cluster.ledger()) == {"succeeded": COUNT}
    assert_answered(tmp_path / "out.jsonl")
    assert not (tmp_path / ".headgate" / "valkey").exists(), "the store was to be the Redis"
    assert_no_secret(metrics + told(tmp_path) + submitted.stderr + collected.stderr, kafka.client)


@pytest.mark.parametrize(
    "listener", ["SCRAM", pytest.param("PLAIN", marks=pytest.mark.soak), pytest.param("CLEAR", marks=pytest.mark.soak)]
)
def test_run_passes_by_a_password(tmp_path, kafka, listener):
    with Cluster(tmp_path, bus(kafka, listener)) as cluster:
        write_lines(tmp_path / "in.jsonl", [line(n) for n in range(COUNT)])
        done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl")
        assert len(cluster.ledger()) == COUNT
    assert_answered(tmp_path / "out.jsonl")
    assert_no_secret(done.stdout + done.stderr + told(tmp_path), kafka.client)


@pytest.mark.parametrize("listener", ["PLAIN", "CLEAR"])
async def test_requests_replies_and_usage_pass_by_a_password(tmp_path, kafka, listener):
    config = loaded_bus(tmp_path, bus(kafka, listener))
    topics, worker, usage = Topics(config.prefix), KafkaBus(config, "a"), KafkaUsageSource(config)

    async def admit(deliveries):
        for delivery in deliveries:
            records = [Record(topic, delivery.record.value, b"k") for topic in (topics.replies(), topics.usage)]
            worker.complete(delivery, records[:1], records[1:])

    batch = KafkaBatchBus(config)
    await batch.start()
    await worker.start(admit, lambda _: None)
    await usage.start({})
    cursor, sent = await batch.end_of_replies(topics.replies()), [b"%d" % n for n in range(COUNT)]
    await batch.submit("b", [Record(topics.requests(Lane.STANDARD), value, value) for value in sent], COUNT)
    answered, booked = [], []
    async with asyncio.timeout(SECONDS):
        while len(answered) < COUNT:
            got = await batch.replies(topics.replies(), cursor, 1.0)
            answered, cursor = answered + [record.value for record in got.records], got.cursor
        while len(booked) < COUNT:
            booked += [value for part in await usage.read(COUNT, 1.0) for value in part.values]
    for each in (batch, usage):
        await each.stop()
    await worker.stop(5)
    assert sorted(answered) == sorted(booked) == sorted(sent)


WRONG = "os.environ/HEADGATE_TEST_WRONG"


def sasl(mechanism="SCRAM-SHA-512", password="os.environ/HEADGATE_TEST_SCRAM", user="headgate-app"):
    return {"mechanism": mechanism, "username": user, "password": password}


#: What is wrong → the listener, what is changed of its right config, and what is said.
REFUSALS = {
    "a wrong password": ("SCRAM", {"sasl": sasl(password=WRONG)}, "check sasl.username, sasl.password"),
    "a wrong password by PLAIN": ("PLAIN", {"sasl": sasl("PLAIN", WRONG)}, "check sasl.username, sasl.password"),
    "a wrong password without TLS": (
        "CLEAR",
        {"sasl": sasl("SCRAM-SHA-256", WRONG)},
        "check sasl.username, sasl.password",
    ),
    "a user that is not known": ("SCRAM", {"sasl": sasl(user="nobody")}, "as nobody by SCRAM-SHA-512, got a refusal"),
    "another mechanism": ("PLAIN", {"sasl": sasl()}, "a refusal of SCRAM-SHA-512; check sasl.mechanism"),
    "no credentials": ("SCRAM", {"sasl": None}, "does it want SASL? See bus.kafka.sasl"),
    "credentials that are not wanted": ("MTLS", {"sasl": sasl()}, "a listener without SASL; take sasl out"),
    "no TLS": ("SCRAM", {"tls": None}, "without TLS, as headgate-app by SCRAM-SHA-512, got a server that wants TLS"),
    "neither TLS nor credentials": ("SCRAM", {"tls": None, "sasl": None}, "got a server that wants TLS"),
    "TLS where there is none": ("CLEAR", {"tls": "ours"}, "got an answer without TLS; give the port for TLS"),
    "another authority": ("SCRAM", {"tls": "strangers"}, "name the authority that signed it in tls.ca_file"),
    "the system's authorities": ("SCRAM", {"tls": {}}, "name the authority that signed it in tls.ca_file"),
    "another host's certificate": ("ELSEWHERE", {}, "certificate is not valid for '127.0.0.1'; name the server as"),
    "no client certificate": ("MTLS", {"tls": "ours"}, "see tls.cert_file and tls.key_file"),
    "a stranger's client certificate": ("MTLS", {"tls": "foreign"}, "see tls.cert_file and tls.key_file"),
    "no broker": ("SCRAM", {"bootstrap_servers": ["127.0.0.1:1"]}, "is a broker there?"),
    "no host": ("SCRAM", {"bootstrap_servers": ["kafka.invalid:9092"]}, "is a broker there?"),
}


def wrong_bus(kafka, strangers, listener, changes):
    foreign = strangers.issue("stranger")
    tls = {
        "ours": kafka.tls,
        "strangers": {"ca_file": str(strangers.file)},
        "foreign": {**kafka.tls, "cert_file": str(foreign.cert), "key_file": str(foreign.key)},
    }
    named = {name: tls.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    return bus(kafka, listener, **named)


@pytest.mark.parametrize("what", REFUSALS)
async def test_whoever_is_not_let_in_hears_why_and_what_to_do(tmp_path, kafka, strangers, what, caplog):
    listener, changes, said = REFUSALS[what]
    config = loaded_bus(tmp_path, wrong_bus(kafka, strangers, listener, changes))
    began = time.monotonic()
    with pytest.raises(NoEntryError) as refusal:
        await entered(config)
    assert time.monotonic() - began < SECONDS
    assert str(refusal.value).startswith("expected to enter Kafka ")
    assert said in str(refusal.value)
    assert config.bootstrap_servers[0] in str(refusal.value)
    assert_no_secret(str(refusal.value) + caplog.text, kafka.client)


@pytest.mark.parametrize("listener", [name for name in LISTENERS if name != "ELSEWHERE"])
async def test_whoever_is_let_in_hears_nothing(kafka, listener, tmp_path, caplog):
    await entered(loaded_bus(tmp_path, bus(kafka, listener)))
    assert [each for each in caplog.records if each.levelname != "INFO"] == []


async def test_a_host_name_that_may_be_skipped_lets_in(kafka, tmp_path):
    tls = {**kafka.tls, "check_hostname": False}
    await entered(loaded_bus(tmp_path, bus(kafka, "ELSEWHERE", tls=tls)))


PROCESSES = {
    "worker": ("worker", "--simulator", "http://127.0.0.1:9/v1"),
    "recorder": ("recorder",),
    "submit": ("submit", "in.jsonl"),
    "run": ("run", "in.jsonl", "-o", "out.jsonl"),
}


#: Of which one is enough every day.
SEVERAL = [
    "a wrong password",
    *(pytest.param(what, marks=pytest.mark.soak) for what in ("another authority", "no TLS", "no client certificate")),
]


@pytest.mark.parametrize("what", SEVERAL)
def test_every_process_that_is_not_let_in_ends_within_seconds(tmp_path, kafka, strangers, what):
    listener, changes, said = REFUSALS[what]

    def attempt(name):
        directory = tmp_path / name
        directory.mkdir()
        with Cluster(directory, wrong_bus(kafka, strangers, listener, changes)) as cluster:
            write_lines(directory / "in.jsonl", [line(1)])
            done = cluster.headgate(*PROCESSES[name], check=False)
            return name, done, seconds_of(done.stderr), told(directory)

    strangers.issue("stranger")
    with ThreadPoolExecutor(2) as pool:
        for name, done, seconds, logs in pool.map(attempt, PROCESSES):
            assert done.returncode == 1, f"{name}: {done.stderr}"
            assert seconds < SECONDS, f"{name} took {seconds:.0f} s"
            assert "expected to enter Kafka" in done.stderr, f"{name}: {done.stderr}"
            assert said in done.stderr, f"{name}: {done.stderr}"
            assert "Traceback" not in done.stderr, name
            assert done.stdout == "", name
            assert_no_secret(done.stderr + logs, kafka.client)
