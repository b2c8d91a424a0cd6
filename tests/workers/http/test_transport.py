"""The transport and the caller, against a raw server that says exactly what the test wants."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from contextlib import asynccontextmanager

import httpx
import pytest

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.outcome import Setback
from headgate.schemas.failures import Code
from headgate.workers.http import transport as module
from headgate.workers.http import unpacking
from headgate.workers.http.caller import Caller
from headgate.workers.http.transport import AiohttpTransport
from headgate.workers.http.unpacking import unpacked


@asynccontextmanager
async def server(*chunks, hold=False):
    """Answer every request with these bytes and close; `hold` keeps the connection open instead."""
    seen, over, serving = [], asyncio.Event(), set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        seen.append((head, await reader.readexactly(length)))
        writer.write(b"".join(chunks))
        await writer.drain()
        if hold:
            await over.wait()
        writer.close()
        await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", seen
    finally:
        over.set()
        listening.close()
        if serving:
            await asyncio.wait(serving)


def said(body, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def call(url, seconds=5.0, body=b"{}"):
    async with AiohttpTransport(connections=4) as transport:
        return await Caller(transport).call(HttpCall(url + "/v1/x", (("X-A", "1"),), body), seconds)


async def test_what_is_sent_is_what_was_given():
    async with server(said(b"{}", "X-Request-Id: r1")) as (url, seen):
        reply = await call(url, body=b'{"a":1}')
    head, body = seen[0]
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b"{}", "r1")
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\n")
    assert b"X-A: 1" in head
    assert b"User-Agent" not in head
    assert body == b'{"a":1}'


async def test_an_error_status_is_a_reply_too():
    async with server(said(b"no", status="503 Away")) as (url, _):
        reply = await call(url)
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body) == (503, b"no")


async def test_a_compressed_answer_is_unpacked_once():
    body = json.dumps({"a": "b" * 1000}).encode()
    async with server(said(gzip.compress(body), "Content-Encoding: gzip")) as (url, _):
        reply = await call(url)
    assert isinstance(reply, HttpReply)
    assert reply.body == body


@pytest.mark.parametrize(
    ("packed", "encodings"),
    [
        (gzip.compress(b"{}"), "gzip"),
        (gzip.compress(b"{}"), "X-GZip"),
        (zlib.compress(b"{}"), "deflate"),
        (zlib.compress(b"{}", wbits=-15), "deflate"),
        (gzip.compress(zlib.compress(b"{}")), "deflate, gzip"),
        (b"{}", "identity"),
        (b"{}", "nobody-knows-this"),
        (b"", "gzip"),
    ],
)
def test_what_was_packed_is_unpacked(packed, encodings):
    assert unpacked(packed, encodings) == (b"{}" if packed else b"")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_what_unpacks_to_more_than_any_answer_is_left_where_it_gets_too_much(monkeypatch, pack):
    monkeypatch.setattr(unpacking, "MAX_ANSWER_BYTES", 1000)
    encoding = "gzip" if pack is gzip.compress else "deflate"
    assert len(unpacked(pack(bytes(1000)), encoding)) == 1000
    with pytest.raises(httpx.DecodingError, match="more than 1000 bytes"):
        unpacked(pack(bytes(1001)), encoding)
    bomb = pack(bytes(10_000_000))
    tracemalloc.start()
    with pytest.raises(httpx.DecodingError, match="more than 1000 bytes"):
        unpacked(bomb, encoding)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        ((), Code.CONNECTION_CUT),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",), Code.CONNECTION_CUT),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",), Code.CONNECTION_CUT),
        ((b"garbage\r\n\r\n",), Code.CONNECTION_CUT),
        ((said(b"not gzip", "Content-Encoding: gzip"),), Code.MALFORMED_RESPONSE),
        ((said(b"[" * 201 + b"]" * 201),), Code.MALFORMED_RESPONSE),
        ((said(b"not deflate", "Content-Encoding: deflate"),), Code.MALFORMED_RESPONSE),
        ((said(gzip.compress(b"{}" * 500)[:-9], "Content-Encoding: gzip"),), Code.MALFORMED_RESPONSE),
    ],
)
async def test_a_broken_answer_is_a_setback_with_its_code(chunks, code):
    async with server(*chunks) as (url, _):
        got = await call(url)
    assert isinstance(got, Setback)
    assert got.failure.code is code


async def test_a_server_that_never_answers_is_a_timeout():
    async with server(hold=True) as (url, _):
        got = await call(url, seconds=0.2)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.TIMEOUT


async def test_blank_lines_do_not_stretch_the_total_time():
    async def trickle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        ended.append(asyncio.current_task())
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1\r\n\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    ended = []
    listening = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with listening:
        got = await call(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", seconds=0.3)
        await asyncio.wait(ended)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.TIMEOUT


async def test_nobody_listening_is_a_connection_that_failed_and_was_not_billed():
    async with server() as (url, _):
        pass
    got = await call(url)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.CONNECTION_FAILED


@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_without_end_is_cut_off(monkeypatch, announced):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 1000)
    head = said(b"x" * 2000) if announced else b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000
    async with server(head) as (url, _):
        got = await call(url)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.CONNECTION_CUT


async def test_a_redirect_is_not_followed_with_the_credential():
    async with server(said(b"", "Location: http://127.0.0.1:1/", status="302 Found")) as (url, _):
        reply = await call(url)
    assert isinstance(reply, HttpReply)
    assert reply.status == 302


async def test_any_httpx_transport_will_do():
    mock = httpx.MockTransport(lambda request: httpx.Response(200, json={"got": request.content.decode()}))
    reply = await Caller(mock).call(HttpCall("http://provider/v1/x", (), b"hi"), 1.0)
    assert isinstance(reply, HttpReply)
    assert json.loads(reply.body) == {"got": "hi"}
