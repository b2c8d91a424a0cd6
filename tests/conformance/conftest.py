"""One suite, every bus: `harness` gives a test each of them, `own_harness` those whose server may be killed.

A module `conformance.kafka_harness` with a class `KafkaHarness(address)` adds Kafka.
"""

import importlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as redis_py
from conformance.harness import Harness
from conformance.streams_harness import StreamsHarness

from headgate.workers.embedded.server import EmbeddedServer
from support.valkey import OwnValkey, Valkey, fresh_prefix, valkey, valkey_url

__all__ = ["valkey", "valkey_url"]

#: The address of a Redis 7 or newer to use instead of a `redis-server` on the PATH.
GIVEN_REDIS = "HEADGATE_TEST_REDIS"

#: The buses that can be tested here.
BUSES = (
    "streams",
    *(("redis",) if GIVEN_REDIS in os.environ or shutil.which("redis-server") else ()),
    *(("kafka",) if importlib.util.find_spec("conformance.kafka_harness") else ()),
)
_MARKS = {"kafka": (pytest.mark.kafka,)}


@pytest.fixture(params=[pytest.param(bus, marks=_MARKS.get(bus, ())) for bus in BUSES])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """A bus on a server that other tests use as well."""
    harness = _harness(request, request.param)
    await harness.open()
    yield harness
    await harness.close()


@pytest.fixture(params=["streams"])
async def own_harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """A bus on a server that belongs to one test."""
    async with EmbeddedServer(tmp_path) as server:
        harness = StreamsHarness(OwnValkey(server))
        yield harness
        await harness.close()


def _harness(request: pytest.FixtureRequest, bus: str) -> Harness:
    if bus == "kafka":
        module = importlib.import_module("conformance.kafka_harness")
        harness: Harness = module.KafkaHarness(request.getfixturevalue("kafka_address"))
        return harness
    url = request.getfixturevalue("valkey_url" if bus == "streams" else "redis_url")
    return StreamsHarness(Valkey(url, fresh_prefix()))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis of somebody else's making."""
    given, binary = os.environ.get(GIVEN_REDIS), shutil.which("redis-server")
    if given:
        yield given
    elif binary:
        yield from _redis(binary, tmp_path_factory.mktemp("redis"))
    else:
        pytest.skip(f"expected a redis-server on the PATH, or {GIVEN_REDIS} to name one")


def _redis(binary: str, directory: Path) -> Iterator[str]:
    socket = directory / "s"
    command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", str(directory), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        client = redis_py.Redis(unix_socket_path=str(socket), retry=redis_py.retry.Retry(_every_20_ms(), 500))
        client.ping()
        client.close()
        yield f"unix://{socket}"
        process.terminate()


def _every_20_ms() -> redis_py.backoff.ConstantBackoff:
    return redis_py.backoff.ConstantBackoff(0.02)
