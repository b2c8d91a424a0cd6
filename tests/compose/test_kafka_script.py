"""compose/kafka: what it says when something is missing, and what becomes of its processes."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from support.kafka_server import SCRIPT, KafkaServer


def kafka(*arguments: object, path: Path | str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the script as a stranger would, with only `path` on the PATH if that is given."""
    env = os.environ if path is None else {"PATH": str(path), "HOME": os.environ.get("HOME", "/")}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH of our own to put pretended tools on."""
    directory = tmp_path / "bin"
    directory.mkdir()
    return directory


def pretend(directory: Path, name: str, script: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_java_it_says_what_to_install(tools: Path, tmp_path: Path) -> None:
    done = kafka("up", "--directory", tmp_path / "k", "--cache", tmp_path / "cache", path=tools)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "expected Java 17 or newer, got: no `java` on the PATH" in done.stderr
    assert "apt-get install openjdk-17" in done.stderr


@pytest.mark.parametrize(
    ("said", "shown"), [('openjdk version "11.0.2"', "11.0.2"), ('java version "1.8.0_402"', "1.8")]
)
def test_an_older_java_is_refused_and_quoted(tools: Path, tmp_path: Path, said: str, shown: str) -> None:
    pretend(tools, "java", f"echo '{said}' >&2")
    done = kafka("prepare", "--cache", tmp_path / "cache", path=tools)
    assert done.returncode == 1
    assert "expected Java 17 or newer" in done.stderr
    assert shown in done.stderr


def test_without_maven_it_says_what_to_install(tools: Path, tmp_path: Path) -> None:
    pretend(tools, "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    done = kafka("prepare", "--cache", tmp_path / "cache", path=tools)
    assert done.returncode == 1
    assert "no `mvn` on the PATH" in done.stderr
    assert "apt-get install maven" in done.stderr


def test_a_failing_maven_is_quoted_and_nothing_is_cached(tools: Path, tmp_path: Path) -> None:
    pretend(tools, "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    pretend(tools, "mvn", "echo 'Could not transfer artifact'; exit 1")
    for _ in range(2):
        done = kafka("prepare", "--cache", tmp_path / "cache", path=tools)
        assert done.returncode == 1
        assert "Could not transfer artifact" in done.stderr
        assert "Is Maven Central, or a mirror of it" in done.stderr


def test_down_and_status_of_a_broker_that_never_was(tmp_path: Path) -> None:
    assert kafka("down", "--directory", tmp_path).returncode == 0
    assert kafka("status", "--directory", tmp_path).returncode == 1


def test_a_pid_file_whose_number_now_belongs_to_another_program_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "broker.pid").write_text(str(os.getpid()))
    (tmp_path / "server.properties").write_text("listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n")
    assert kafka("down", "--directory", tmp_path).returncode == 0  # and we are still here to say so
    assert kafka("status", "--directory", tmp_path).returncode == 1


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        done = kafka("up", "--directory", tmp_path, "--port", taken)
    assert done.returncode == 1
    assert f"expected port {taken} of 127.0.0.1 to be free" in done.stderr


@pytest.fixture
def sleeper() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that would live for minutes."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_watched_process_is_ended_when_its_time_is_up(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    done = kafka("watch", "--directory", tmp_path, "--pid", sleeper.pid, "--for", 0.2)
    assert done.returncode == 0
    assert sleeper.wait(10) != 0


def test_a_watched_process_is_ended_when_its_owner_is_gone(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    with subprocess.Popen(["sleep", "0.2"]) as owner:
        done = kafka("watch", "--directory", tmp_path, "--pid", sleeper.pid, "--while-pid", owner.pid)
    assert done.returncode == 0
    assert sleeper.wait(10) != 0


@pytest.mark.kafka
def test_up_is_idempotent_and_listens_on_loopback_only(own_kafka: KafkaServer) -> None:
    again = kafka("up", "--directory", own_kafka.directory)
    assert (again.returncode, again.stdout) == (0, f"{own_kafka.address}\n")
    assert kafka("status", "--directory", own_kafka.directory).stdout == f"{own_kafka.address}\n"
    listening = [c.laddr for c in psutil.Process(own_kafka.pid).net_connections("inet") if c.status == "LISTEN"]
    assert len(listening) == 2  # broker and controller
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.kafka
async def test_records_survive_kill_9_and_the_address_stays(own_kafka: KafkaServer) -> None:
    address = own_kafka.address
    await _create("survivors", address)
    largest = b"x" * (10 * 1024 * 1024 - 200)
    await _produce("survivors", address, largest)
    own_kafka.kill9()
    with closing(socket.socket()) as probe:
        host, _, port = address.rpartition(":")
        assert probe.connect_ex((host, int(port))) != 0
    assert own_kafka.start() == address
    assert await _first_value("survivors", address) == largest


@pytest.mark.kafka
def test_a_broker_ends_with_the_process_it_was_started_for(
    kafka_tools: None, tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    server = KafkaServer(tmp_path / "kafka", while_pid=sleeper.pid)
    server.start()
    broker = os.pidfd_open(server.pid)
    sleeper.kill()
    poll = select.poll()
    poll.register(broker, select.POLLIN)
    assert poll.poll(30_000)
    os.close(broker)


@pytest.mark.kafka
@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_is_interrupted_leaves_no_broker(kafka_tools: None, tmp_path: Path, way: signal.Signals) -> None:
    for number in range(5):
        directory = tmp_path / str(number)
        up, pid, said = _interrupted(directory, way)
        if up != 0:
            break
        # it had started before the signal was there: on a busy machine that happens
        assert kafka("down", "--directory", directory).returncode == 0
    assert (up, said) == (128 + way, (b"", b""))
    assert kafka("status", "--directory", directory).returncode == 1
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _interrupted(directory: Path, way: signal.Signals) -> tuple[int, int, tuple[bytes, bytes]]:
    """Interrupt a start as soon as there is a broker; return the exit status, the broker's pid and what was said."""
    command = [sys.executable, str(SCRIPT), "up", "--port", "0", "--directory", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as up:
        deadline = time.monotonic() + 60
        while not (directory / "broker.pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        pid = int((directory / "broker.pid").read_text())
        up.send_signal(way)
        said = up.communicate(timeout=60)
    return up.returncode, pid, said


async def _create(topic: str, address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=[address])
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def _produce(topic: str, address: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=[address], max_request_size=10 * 1024 * 1024)
    await producer.start()
    await producer.send_and_wait(topic, value)
    await producer.stop()


async def _first_value(topic: str, address: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=[address], max_partition_fetch_bytes=11 * 1024 * 1024)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    record = await consumer.getone()
    await consumer.stop()
    value: bytes | None = record.value
    return value
