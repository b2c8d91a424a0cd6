"""The addresses that probes and Prometheus ask."""

import json
import logging

import aiohttp
import pytest

from headgate.workers.ops.gateway_meter import MetricsListener
from headgate.workers.ops.metrics import Metrics
from headgate.workers.ops.process_meter import LoopWatch
from headgate.workers.ops.readiness import Readiness, ready_if
from headgate.workers.ops.server import CannotListen, Listen, OperationsServer


class Probe:
    """Says what the test says."""

    def __init__(self):
        self.now = Readiness()

    def __call__(self):
        return self.now


class Late(LoopWatch):
    """An event loop that is as late as the test says."""

    seconds = 0.0

    def lag(self):
        return self.seconds


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def watch():
    return Late()


@pytest.fixture
async def server(probe, watch):
    server = OperationsServer(Listen("127.0.0.1", 0), probe, Metrics([MetricsListener()]), watch)
    await server.start()
    yield server
    await server.stop()


async def ask(server, path, **headers):
    async with aiohttp.ClientSession() as session, session.get(server.address + path, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


async def test_port_0_picks_a_free_one_and_the_address_is_logged(probe, caplog):
    caplog.set_level(logging.INFO, "headgate")
    server = OperationsServer(Listen("127.0.0.1", 0), probe, Metrics())
    address = await server.start()
    try:
        assert address == server.address
        assert address.startswith("http://127.0.0.1:")
        assert not address.endswith(":0")
        assert [record.address for record in caplog.records] == [address]
    finally:
        await server.stop()
    assert server.address is None


async def test_a_process_is_ready_when_nothing_speaks_against_it_and_says_what_does(server, probe):
    status, body, _ = await ask(server, "/readyz")
    assert (status, json.loads(body)) == (200, {"status": "ready", "reasons": []})
    probe.now = ready_if(False, "the bus is not assigned") & ready_if(True, "x") & ready_if(None, "stopping")
    status, body, _ = await ask(server, "/readyz")
    assert status == 503
    assert json.loads(body)["reasons"] == ["the bus is not assigned", "stopping"]


async def test_a_process_is_healthy_until_its_event_loop_hangs(server, watch):
    status, body, _ = await ask(server, "/healthz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    watch.seconds = 5.5
    status, body, _ = await ask(server, "/healthz")
    assert status == 503
    assert json.loads(body) == {"status": "the event loop hangs", "loop_lag_seconds": 5.5}


async def test_a_process_that_is_not_ready_is_healthy_all_the_same(server, probe):
    probe.now = Readiness(("starting",))
    assert (await ask(server, "/healthz"))[0] == 200


async def test_metrics_are_served_in_the_format_that_is_asked_for(server):
    status, body, kind = await ask(server, "/metrics")
    assert status == 200
    assert "headgate_deliveries_total 0.0" in body
    assert "headgate_loop_lag_seconds 0.0" in body
    assert kind.startswith("text/plain; version=0.0.4")
    _, body, kind = await ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz/x"])
async def test_nothing_else_is_served(server, path):
    assert (await ask(server, path))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_changed(server, method):
    async with aiohttp.ClientSession() as session, session.request(method, server.address + "/metrics") as answer:
        assert answer.status == 405


async def test_a_port_that_is_taken_is_told_with_the_setting_to_change(server, probe):
    port = int(server.address.rsplit(":", 1)[1])
    second = OperationsServer(Listen("127.0.0.1", port, "operations.recorder_port"), probe, Metrics())
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}, got: .*in use.* Change operations\.recorder_port"):
        await second.start()
    await second.stop()
    assert second.address is None


async def test_an_address_that_is_not_ours_is_told(probe):
    server = OperationsServer(Listen("192.0.2.1", 0), probe, Metrics())
    with pytest.raises(CannotListen, match=r"operations\.listen"):
        await server.start()


async def test_stop_frees_the_port_and_may_be_said_twice(server, probe):
    port = int(server.address.rsplit(":", 1)[1])
    await server.stop()
    await server.stop()
    again = OperationsServer(Listen("127.0.0.1", port), probe, Metrics())
    await again.start()
    await again.stop()
