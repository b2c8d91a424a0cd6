"""A simulator in this process, and clients that talk to it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import openai
import pytest

from headgate.workers.simulator import Address, Simulator

try:
    import uvloop
except ImportError:
    uvloop = None

#: Sockets behave a little differently on the two loops: what looks at sockets runs on both.
_ON_BOTH_LOOPS = {"test_books.py", "test_fault_delivery.py", "test_http.py", "test_lifecycle.py", "test_outages.py"}
_DOCUMENT = Path(__file__).parents[4] / "shared" / "providers" / "openai_openapi.json"


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Say on which event loops a test runs."""
    factories = {"asyncio": asyncio.new_event_loop}
    if uvloop is not None and item.path.name in _ON_BOTH_LOOPS:
        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """One that answers at once."""
    async with Simulator() as started:
        yield started


@cache
def _validator(component: str) -> Any:
    document = json.loads(_DOCUMENT.read_text())
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{component}", "components": document["components"]},
    )


@pytest.fixture
def openapi() -> Callable[[str, object], None]:
    """Hold a value to a component of OpenAI's OpenAPI document."""
    if not _DOCUMENT.exists():
        pytest.skip(
            f"SKIPPED LOUDLY: OpenAI's OpenAPI document is not at {_DOCUMENT}: the wire is not checked against it"
        )

    def check(component: str, value: object) -> None:
        errors = [f"{error.instance_path}: {error.message[:200]}" for error in _validator(component).iter_errors(value)]
        assert not errors, "\n".join(errors)

    return check


@dataclass(frozen=True)
class Got:
    """What came back on a raw connection; `complete` says whether it was all that was announced."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Raw:
    """A client that sees every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, method: str, path: str, body: object = None, **headers: str) -> None:
        """Send a request; header names are spelled with underscores."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "host: simulator", f"content-length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)

    async def receive(self) -> Got:
        """Read one answer; raises `ConnectionError` if there is none."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise ConnectionError(f"closed after {error.partial!r}") from None
        first, *lines = head.decode().rstrip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        status = int(first.split()[1])
        if headers.get("transfer-encoding") == "chunked":
            return Got(status, headers, b"".join([piece async for piece in self.chunks()]))
        try:
            return Got(status, headers, await self.reader.readexactly(int(headers["content-length"])))
        except asyncio.IncompleteReadError as error:
            return Got(status, headers, error.partial, complete=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the chunks of a body as they come."""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Got:
        """Send a request and read its answer."""
        self.send(method, path, body, **headers)
        return await self.receive()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what a server is about to notice; `TimeoutError` if it does not."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the books are not asked to tell when they change
            await asyncio.sleep(0.001)


@pytest.fixture(name="until")
def _until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    return until


@pytest.fixture
def connect() -> Callable[[Address], AbstractAsyncContextManager[Raw]]:
    """Open a raw connection."""

    @contextlib.asynccontextmanager
    async def opened(address: Address) -> AsyncIterator[Raw]:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            async with asyncio.timeout(20):
                yield Raw(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    return opened


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, told nothing but where the simulator is."""
    async with openai.AsyncOpenAI(base_url=simulator.address.base_url, api_key="any", max_retries=0) as opened:
        yield opened
