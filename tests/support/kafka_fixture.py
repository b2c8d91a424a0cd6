"""Fixtures over a real Apache Kafka; tests/conftest.py says `pytest_plugins = ["support.kafka_fixture"]`.

`kafka_address` is one broker for the whole run, shared by all workers of pytest-xdist; `own_kafka` is a broker of the
test's own, to be killed and restarted at will. Without Java, Maven or a network the tests that ask for them are
skipped, and a line on the terminal says so.
"""

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.kafka_server import KafkaServer, KafkaUnavailableError, prepare

#: `host:port` of a broker to use instead of one of our own.
GIVEN = "HEADGATE_TEST_KAFKA"

_FIXTURES = {"kafka_address", "kafka_tools"}

#: Why no broker can be started here; None when one can.
_unavailable = pytest.StashKey[str | None]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Download what the broker needs before the first test's clock runs."""
    wanted = _wanted(session)
    if wanted and not session.config.option.collectonly:
        _why_unavailable(session.config)


def _wanted(session: pytest.Session) -> bool:
    given = os.environ.get(GIVEN)
    asked = {name for item in session.items for name in getattr(item, "fixturenames", ())} & _FIXTURES
    return bool(asked - {"kafka_address"} if given else asked)


@pytest.fixture(scope="session")
def kafka_address(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a broker that all tests of this run share: give topics and groups names of their own."""
    given = os.environ.get(GIVEN)
    if given:
        yield _reachable(given)
        return
    root = _shared_root(pytestconfig, tmp_path_factory)
    _skip_without_kafka(pytestconfig, root)
    with _shared_broker(root, _main_pid(pytestconfig)) as address:
        yield address


@pytest.fixture(scope="session")
def kafka_tools(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All it takes to start a `KafkaServer`; the test is skipped where that cannot be had."""
    _skip_without_kafka(pytestconfig, _shared_root(pytestconfig, tmp_path_factory))


@pytest.fixture
def own_kafka(kafka_tools: None, tmp_path: Path) -> Iterator[KafkaServer]:
    """A running broker that belongs to one test, which may stop, kill and restart it."""
    with KafkaServer(tmp_path / "kafka") as server:
        yield server


def _skip_without_kafka(config: pytest.Config, root: Path) -> None:
    why = _why_unavailable(config)
    if why is None:
        return
    if _first(root / "kafka-skip-was-said"):
        _say(config, f"\nWARNING: tests with a real Apache Kafka are SKIPPED. {why} (or set {GIVEN}=host:port)")
    pytest.skip(f"NO REAL APACHE KAFKA HERE, nothing was tested: {why}")


def _why_unavailable(config: pytest.Config) -> str | None:
    if _unavailable not in config.stash:
        config.stash[_unavailable] = _ask(config)
    return config.stash[_unavailable]


def _ask(config: pytest.Config) -> str | None:
    try:
        prepare(lambda line: _say(config, line))
    except KafkaUnavailableError as error:
        return str(error)
    return None


def _reachable(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 10).close()
    except (OSError, ValueError) as error:
        pytest.fail(f"{GIVEN}={address}: expected host:port of a broker that listens, got {error!r}")
    return address


def _is_xdist_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _shared_root(config: pytest.Config, factory: pytest.TempPathFactory) -> Path:
    """Return the directory of this run that all of its workers see, and no other run does."""
    base = factory.getbasetemp()
    return base.parent if _is_xdist_worker(config) else base


def _main_pid(config: pytest.Config) -> int:
    """Return the process with which the whole run ends: xdist's workers are its children."""
    return os.getppid() if _is_xdist_worker(config) else os.getpid()


@contextmanager
def _shared_broker(root: Path, main_pid: int) -> Iterator[str]:
    """Join the broker of this run, starting it if we are the first; the last one out ends it.

    If no one is left to do so (kill -9 of the run), the broker sees `main_pid` end and ends itself.
    """
    server = KafkaServer(root / "kafka", while_pid=main_pid)
    users = _Users(root / "kafka-users")
    with _locked(root / "kafka-lock"):
        address = server.start()
        users.join()
    try:
        yield address
    finally:
        with _locked(root / "kafka-lock"):
            users.leave()
            if not users.others():
                server.stop()
                server.forget_data()


class _Users:
    """Who uses the broker: one file per process, so that the dead can be told from the living."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mine = directory / str(os.getpid())

    def join(self) -> None:
        self._directory.mkdir(exist_ok=True)
        self._mine.touch()

    def leave(self) -> None:
        self._mine.unlink(missing_ok=True)

    def others(self) -> list[int]:
        return [pid for pid in (int(file.name) for file in self._directory.iterdir()) if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _first(path: Path) -> bool:
    """Say whether we are the first of this run's workers to ask about `path`."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _say(config: pytest.Config, text: str) -> None:
    """Write a line to the terminal past pytest's capture, from workers of xdist too."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
