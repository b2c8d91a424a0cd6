"""The shared broker of the tests: one per run, however many workers, and none when the run is over."""

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from support.kafka_fixture import GIVEN

_TESTS = Path(__file__).resolve().parents[1]

_TELL = """
import os, pathlib, pytest, socket, time
from support.kafka_server import KafkaServer

@pytest.mark.parametrize("number", range(4))
def test_tell(number, kafka_address, tmp_path_factory, worker_id):
    host, _, port = kafka_address.rpartition(":")
    socket.create_connection((host, int(port)), 5).close()
    directory = tmp_path_factory.getbasetemp().parent / "kafka"
    told = pathlib.Path(os.environ["TOLD"])
    (told / worker_id).write_text(f"{kafka_address} {KafkaServer(directory).pid}")
    deadline = time.monotonic() + 60
    while len(list(told.iterdir())) < 2:  # no worker may do all the work and leave before the other has come
        assert time.monotonic() < deadline
        time.sleep(0.02)
"""

_HANG = """
import os, pathlib, signal
from support.kafka_server import KafkaServer

def test_hang(kafka_address, tmp_path_factory):
    pid = KafkaServer(tmp_path_factory.getbasetemp() / "kafka").pid
    print(pid, file=open(os.environ["TOLD"], "w"), flush=True)
    signal.pause()
"""

_ASK_FOUR_TIMES = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_ask(number, kafka_address): pass
"""

_ASK = "def test_ask(kafka_address): assert kafka_address == '{}'"


def inner(directory: Path, code: str, *options: str, **env: str) -> "subprocess.Popen[str]":
    """Start a run of pytest of its own over the test file `code`; other plugins than ours would take time to load."""
    (directory / "test_inner.py").write_text(code)
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -ra -p no:cacheprovider\n")
    clean = {name: value for name, value in os.environ.items() if name != GIVEN and not name.startswith("PYTEST_")}
    basetemp = f"--basetemp={directory / 'base'}"
    command = [sys.executable, "-m", "pytest", "-p", "support.kafka_fixture", basetemp, *options]
    pipe = subprocess.PIPE
    env = clean | {"PYTHONPATH": str(_TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | env
    return subprocess.Popen(command, cwd=directory, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def _runs(pid: int) -> bool:
    """Say whether a process runs; the dead whom init has not buried yet do not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


_TWO_WORKERS = ("-p", "xdist.plugin", "-n", "2")


@pytest.mark.kafka
def test_two_workers_share_one_broker_that_ends_with_the_last(kafka_tools: None, tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.mkdir()
    with inner(tmp_path, _TELL, *_TWO_WORKERS, TOLD=str(told)) as run:
        said = run.communicate(timeout=100)[0]
    assert run.returncode == 0, said
    one, two = (path.read_text() for path in told.iterdir())
    assert one == two
    assert not _runs(int(one.split()[1]))
    assert not (tmp_path / "base" / "kafka" / "data").exists()


@pytest.mark.kafka
def test_the_broker_of_a_run_that_is_killed_ends_too(kafka_tools: None, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    with inner(tmp_path, _HANG, TOLD=str(told)) as run:
        pid = int(told.read_text())  # waits for the writer
        broker = os.pidfd_open(pid)
        run.send_signal(signal.SIGKILL)
    poll = select.poll()
    poll.register(broker, select.POLLIN)
    ended = poll.poll(30_000)
    os.close(broker)
    assert ended


def test_without_java_the_tests_are_skipped_with_a_loud_reason(tmp_path: Path) -> None:
    with inner(tmp_path, _ASK_FOUR_TIMES, *_TWO_WORKERS, PATH=str(tmp_path), JAVA_HOME=str(tmp_path)) as run:
        said = run.communicate(timeout=100)[0]
    assert run.returncode == 0, said
    assert "4 skipped" in said
    assert said.count("WARNING: tests with a real Apache Kafka are SKIPPED. kafka: expected Java 17 or newer") == 1
    assert "SKIPPED [4] test_inner.py:4: NO REAL APACHE KAFKA HERE, nothing was tested" in said


def test_a_given_address_is_used_as_it_is(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with inner(tmp_path, _ASK.format(address), PATH="", **{GIVEN: address}) as run:
            said = run.communicate(timeout=100)[0]
    assert run.returncode == 0, said


def test_a_given_address_where_nobody_listens_is_an_error_not_a_skip(tmp_path: Path) -> None:
    with inner(tmp_path, _ASK, PATH="", **{GIVEN: "127.0.0.1:1"}) as run:
        said = run.communicate(timeout=100)[0]
    assert run.returncode == 1, said
    assert "HEADGATE_TEST_KAFKA=127.0.0.1:1: expected host:port of a broker that listens" in said
