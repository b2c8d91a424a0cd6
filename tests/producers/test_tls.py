"""Connections by TLS end when we close them, whoever is at the other side."""

import asyncio
import socket

import pytest
from aiokafka.conn import AIOKafkaConnection

from headgate.producers.redis_link import Address, RedisLink
from headgate.producers.redis_tls import _speaks_redis
from headgate.producers.tls import tls_context
from headgate.schemas.config import Tls
from headgate.workers.cli.loop import run_loop
from support.authority import Authority, skip_without_openssl
from support.silent_peer import SilentPeer

#: Less than the 30 s that asyncio and uvloop give the other side.
SECONDS = 10


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    skip_without_openssl()
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(authority):
    peers = []

    def _serve(answer=b""):
        peers.append(SilentPeer(authority.issue("localhost", "localhost", "127.0.0.1").both, answer))
        return peers[-1]

    yield _serve
    for peer in peers:
        peer.join()
        assert peer.afterwards == b""


@pytest.fixture
def context(authority):
    return tls_context(Tls(ca_file=str(authority.file)))


@pytest.mark.parametrize("run", [asyncio.run, run_loop])
def test_a_connection_that_is_closed_does_not_wait_for_the_other_sides_word(serve, context, run):
    peer = serve()

    async def open_and_close():
        _, writer = await asyncio.open_connection("127.0.0.1", peer.port, ssl=context)
        writer.write(b"the last word")
        writer.close()
        async with asyncio.timeout(SECONDS):
            await writer.wait_closed()

    run(open_and_close())


async def test_a_link_that_is_closed_leaves_no_connection_behind(serve, context):
    peer = serve(b"+PONG\r\n")
    link = RedisLink(Address(f"rediss://127.0.0.1:{peer.port}", tls=context))
    assert await link.call("PING") == b"PONG"
    await link.close()
    async with asyncio.timeout(SECONDS):
        await asyncio.to_thread(peer.join)


@pytest.mark.parametrize("run", [asyncio.run, run_loop])
def test_a_broker_that_does_not_answer_keeps_no_client_from_closing(serve, context, run, authority):
    peer = serve()

    async def open_and_close():
        connection = AIOKafkaConnection(
            "127.0.0.1", peer.port, security_protocol="SSL", ssl_context=context, request_timeout_ms=500
        )
        with pytest.raises(TimeoutError):
            await connection.connect()
        async with asyncio.timeout(SECONDS):
            await connection.close()

    run(open_and_close())


async def test_a_server_that_says_nothing_is_asked_and_left():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        assert not await _speaks_redis("127.0.0.1", listening.getsockname()[1])
        with listening.accept()[0] as came:
            came.settimeout(SECONDS)
            assert await asyncio.to_thread(came.recv, 1024) == b"PING\r\n"
            try:
                left = await asyncio.to_thread(came.recv, 1024)
            except ConnectionResetError:
                left = b""
            assert left == b""
