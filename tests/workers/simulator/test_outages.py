"""Faults that begin and end while it runs, and the limit on requests per second."""

import itertools

import pytest

from headgate.workers.simulator import Simulator, SimulatorConfig


async def test_an_outage_begins_and_ends_while_it_runs(simulator, connect):
    plain = {"model": "m", "input": "x"}
    async with connect(simulator.address) as raw:
        listed = await raw.ask("POST", "/simulator/faults", {"kind": "429;retry_after=7"})
        assert listed.json == {"faults": [{"kind": "429;retry_after=7", "rate": 1.0, "seconds_left": None}]}
        got = await raw.ask("POST", "/v1/responses", plain)
        assert (got.status, got.headers["retry-after"]) == (429, "7")
        assert (await raw.ask("GET", "/simulator/faults")).json == listed.json
        assert (await raw.ask("DELETE", "/simulator/faults")).json == {"faults": []}
        assert (await raw.ask("POST", "/v1/responses", plain)).status == 200


async def test_an_outage_ends_when_its_time_is_over(connect):
    clock = itertools.count(100, 4)
    async with Simulator(monotonic=lambda: float(next(clock))) as simulator, connect(simulator.address) as raw:
        started = await raw.ask("POST", "/simulator/faults", {"kind": "503", "rate": 1, "duration": 9})
        assert started.json["faults"][0]["seconds_left"] == 5
        statuses = [(await raw.ask("POST", "/v1/responses", {"model": "m", "input": "x"})).status for _ in range(3)]
        assert statuses == [503, 200, 200]


async def test_an_outage_of_half_the_attempts_is_of_half_the_attempts(simulator, connect):
    async with connect(simulator.address) as raw:
        await raw.ask("POST", "/simulator/faults", {"kind": "500", "rate": 0.5})
        statuses = [
            (await raw.ask("POST", "/v1/responses", {"model": "m", "input": str(n)})).status for n in range(200)
        ]
    assert 70 < statuses.count(500) < 130


async def test_the_same_outage_is_replaced_and_too_many_are_refused(simulator, connect, openapi):
    async with connect(simulator.address) as raw:
        await raw.ask("POST", "/simulator/faults", {"kind": "500", "rate": 0.9})
        replaced = await raw.ask("POST", "/simulator/faults", {"kind": "500", "rate": 0.6})
        assert [each["rate"] for each in replaced.json["faults"]] == [0.6]
        refused = await raw.ask("POST", "/simulator/faults", {"kind": "503", "rate": 0.6})
        assert refused.status == 400
        openapi("ErrorResponse", refused.json)


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"kind":"flood"}', b'{"kind":"500","rate":7}', b"\xff", b"[]"])
async def test_an_outage_that_cannot_be_read_is_refused_with_the_reason(simulator, connect, body):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/simulator/faults", body)
    assert got.status == 400
    assert got.json["error"]["message"]


async def test_more_requests_than_the_limit_are_told_when_to_come_back(connect):
    now = [50.0]
    config = SimulatorConfig(max_requests_per_second=2)
    async with Simulator(config, monotonic=lambda: now[0]) as simulator, connect(simulator.address) as raw:
        got = [await raw.ask("POST", "/v1/responses", {"model": "m", "input": "x"}) for _ in range(3)]
        assert [each.status for each in got] == [200, 200, 429]
        assert (got[2].headers["retry-after"], got[2].headers["retry-after-ms"]) == ("1", "500")
        now[0] += 0.5
        assert (await raw.ask("POST", "/v1/responses", {"model": "m", "input": "x"})).status == 200
        assert [entry.billed for entry in simulator.books.entries()] == [True, True, False, True]
