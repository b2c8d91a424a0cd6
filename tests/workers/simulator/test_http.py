"""HTTP itself: order, limits, and clients that do not behave."""

import asyncio
import json

import pytest

from headgate.workers.simulator import Simulator, SimulatorConfig
from headgate.workers.simulator.http_reader import HttpReader, Limits

PATH = "/v1/responses"


def ask(text, script="ok"):
    return {"model": "m", "input": text, "metadata": {"simulate": script, "text": text}}


async def test_a_connection_is_kept(simulator, connect):
    async with connect(simulator.address) as raw:
        for number in range(5):
            assert (await raw.ask("POST", PATH, ask(str(number)))).json["metadata"]["text"] == str(number)


async def test_pipelined_requests_are_answered_in_their_order(simulator, connect):
    """The slow first one holds the others back, but they are worked on at once."""
    loop = asyncio.get_running_loop()
    scripts = ["latency=120", "latency=1", "500", "keepalive=30", "latency=60", "ok"]
    async with connect(simulator.address) as raw:
        started = loop.time()
        for number, script in enumerate(scripts):
            raw.send("POST", PATH, ask(str(number), script))
        got = [await raw.receive() for _ in scripts]
        assert loop.time() - started < 2
    assert [each.status for each in got] == [200, 200, 500, 200, 200, 200]
    texts = [each.json["metadata"]["text"] for each in got if each.status == 200]
    assert texts == ["0", "1", "3", "4", "5"]


async def test_an_answer_behind_a_quick_one_takes_its_own_time(simulator, connect):
    loop = asyncio.get_running_loop()
    async with connect(simulator.address) as raw:
        started = loop.time()
        raw.send("POST", PATH, ask("quick", "latency=5"))
        raw.send("POST", PATH, ask("slow", "latency=80"))
        texts = [(await raw.receive()).json["metadata"]["text"] for _ in range(2)]
        assert loop.time() - started >= 0.079
    assert texts == ["quick", "slow"]


async def test_a_hang_holds_back_what_is_behind_it_and_a_cut_drops_it(simulator, connect):
    async with connect(simulator.address) as raw:
        for script in ("latency=30", "cut", "ok"):
            raw.send("POST", PATH, ask("x", script))
        assert (await raw.receive()).status == 200
        with pytest.raises(ConnectionError):
            await raw.receive()
    assert [entry.outcome for entry in simulator.books.entries()] == ["served", "cut", "client_gone"]


async def test_requests_may_come_in_single_bytes(simulator, connect):
    async with connect(simulator.address) as raw:
        body = json.dumps(ask("x")).encode()
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        for byte in head + body:
            raw.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await raw.receive()).status == 200


async def test_a_chunked_request_is_read(simulator, connect):
    body = json.dumps(ask("x")).encode()
    async with connect(simulator.address) as raw:
        raw.writer.write(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for piece in (body[:7], body[7:]):
            raw.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        raw.writer.write(b"0\r\n\r\n")
        assert (await raw.receive()).status == 200


async def test_a_client_that_asks_to_close_is_closed(simulator, connect):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", PATH, ask("x", "latency=5"), connection="close")
        assert got.headers["connection"] == "close"
        assert await raw.reader.read() == b""


async def test_http_1_0_is_answered_and_closed_unless_it_asks_not_to_be(simulator, connect):
    async with connect(simulator.address) as raw:
        raw.writer.write(b"GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert (await raw.receive()).headers["connection"] == "keep-alive"
        raw.writer.write(b"GET /simulator/books HTTP/1.0\r\n\r\n")
        answer = await raw.reader.read()
        assert b"transfer-encoding" not in answer
        assert answer.startswith(b"HTTP/1.1 200")


async def test_who_waits_to_be_asked_for_the_body_is_asked(simulator, connect):
    body = json.dumps(ask("x")).encode()
    async with connect(simulator.address) as raw:
        raw.writer.write(
            f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        assert await raw.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.writer.write(body)
        assert (await raw.receive()).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 3000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 700 + b"\r\n",
    ],
)
async def test_a_head_that_is_too_large_is_refused(connect, openapi, sent):
    async with Simulator(SimulatorConfig(max_head_bytes=2000)) as simulator, connect(simulator.address) as raw:
        raw.writer.write(sent)
        got = await raw.receive()
        assert got.status == 431
        openapi("ErrorResponse", got.json)
        assert await raw.reader.read() == b""


async def test_a_header_that_never_ends_is_not_kept(connect):
    async with Simulator(SimulatorConfig(max_head_bytes=2000)) as simulator, connect(simulator.address) as raw:
        raw.writer.write(b"GET / HTTP/1.1\r\nx: ")
        got = asyncio.create_task(raw.receive())
        while not got.done():
            raw.writer.write(b"y" * 100)
            await asyncio.sleep(0)
        assert got.result().status == 431


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(connect, announced):
    async with Simulator(SimulatorConfig(max_body_bytes=1000)) as simulator, connect(simulator.address) as raw:
        if announced:
            raw.writer.write(f"POST {PATH} HTTP/1.1\r\ncontent-length: 1001\r\n\r\n".encode())
        else:
            raw.writer.write(f"POST {PATH} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            raw.writer.write(b"3e9\r\n" + b"x" * 1001 + b"\r\n")
        assert (await raw.receive()).status == 413


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_and_closed(simulator, connect, sent):
    async with connect(simulator.address) as raw:
        raw.writer.write(sent)
        assert (await raw.receive()).status == 400
        assert await raw.reader.read() == b""


def test_an_error_of_our_own_is_not_taken_for_bad_http():
    def fail(_request):
        raise ZeroDivisionError

    reader = HttpReader(Limits(1000, 1000), fail, lambda _line: None)
    with pytest.raises(ZeroDivisionError):
        reader.feed(b"GET / HTTP/1.1\r\n\r\n")


async def test_a_client_that_does_not_read_is_not_read_from(connect):
    """What it sends stays with it: the simulator holds a bounded number of its requests."""
    config = SimulatorConfig(max_pipelined=4)
    async with Simulator(config) as simulator, connect(simulator.address) as raw:
        body = ask("x" * 60_000, "hang")
        for _ in range(400):
            raw.send("POST", PATH, body)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await raw.writer.drain()
        assert 4 <= len(simulator.books) <= 40
        raw.writer.transport.abort()


async def test_reading_goes_on_when_answers_have_gone_out(connect):
    config = SimulatorConfig(max_pipelined=2)
    async with Simulator(config) as simulator, connect(simulator.address) as raw:
        for number in range(50):
            raw.send("POST", PATH, ask(str(number), "latency=1"))
        texts = [(await raw.receive()).json["metadata"]["text"] for _ in range(50)]
        assert texts == [str(number) for number in range(50)]


async def test_an_upgrade_is_not_followed(simulator, connect):
    async with connect(simulator.address) as raw:
        raw.writer.write(b"GET /healthz HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        assert (await raw.receive()).status in {200, 400}
