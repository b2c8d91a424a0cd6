"""The worker as a process: its memory, its probes, its signals, and FastStream's own command line."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from support.buses import embedded, kafka_config, on_kafka
from support.cluster import Cluster, line, resident_bytes, wait_until

pytestmark = pytest.mark.timeout(300)

MB = 1024 * 1024


def get(address, path):
    try:
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def test_two_thousand_requests_in_flight_take_less_than_300_mb(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.simulator("--latency", "8000")
        async with embedded(tmp_path) as outside:
            worker = cluster.worker("a")
            address = json.loads(await asyncio.to_thread(worker.line))["operations"]
            cursor = await outside.beginning()
            await outside.submit([line(number, words="x" * 4000) for number in range(4_000)])
            await asyncio.to_thread(cluster.sim.wait_for, 2_000)
            _, metrics = await asyncio.to_thread(get, address, "/metrics")
            assert "headgate_in_flight_requests 2000.0" in metrics.splitlines() or in_flight(metrics) >= 2_000
            assert cluster.sim.served() == 2_000  # no more than the room allows
            assert resident_bytes(worker.pid) <= 300 * MB
            await outside.replies(4_000, cursor=cursor)
            assert resident_bytes(worker.pid) <= 300 * MB


def in_flight(metrics):
    values = [each for each in metrics.splitlines() if each.startswith("headgate_in_flight_requests ")]
    return float(values[0].split()[1])


async def test_probes_tell_ready_from_stopping_and_secrets_are_nowhere(tmp_path):
    secret = "sk-do-not-show-me-anywhere"
    config = {
        "providers": {"mine": {"base_url": "http://127.0.0.1:9/v1", "api_key": "${MY_KEY}"}},
        "models": [
            {
                "name": "small",
                "deployments": [{"id": "d", "provider": "mine", "model": "m", "price": {"input": 1, "output": 1}}],
                "route": {"retries": 1},
            }
        ],
    }
    os.environ["MY_KEY"] = secret
    with Cluster(tmp_path, config) as cluster:
        cluster.simulator()
        async with embedded(tmp_path) as outside:
            worker, recorder = cluster.worker("a"), cluster.recorder()
            addresses = [json.loads(await asyncio.to_thread(each.line))["operations"] for each in (worker, recorder)]
            for address in addresses:
                assert (await asyncio.to_thread(get, address, "/healthz"))[0] == 200
                await asyncio.to_thread(wait_until, lambda a=address: get(a, "/readyz")[0] == 200, "readiness")
                assert "headgate_build_info" in (await asyncio.to_thread(get, address, "/metrics"))[1]
            cursor = await outside.beginning()
            await outside.submit([line(1, model="small")])
            (reply,), _ = await outside.replies(1, cursor=cursor)
            assert reply.error.code == "connection_failed"
            assert await asyncio.to_thread(worker.terminate) == 0
            assert await asyncio.to_thread(recorder.terminate) == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".duckdb" for path in written)
    assert any(path.suffix == ".aof" for path in written)
    assert [path for path in written if secret.encode() in path.read_bytes()] == []
    logs = [json.loads(text) for text in (tmp_path / "worker-a.log").read_text().splitlines()]
    assert all({"ts", "level", "logger", "event"} <= set(each) for each in logs)


async def test_a_worker_told_to_stop_answers_what_is_in_flight_first(tmp_path):
    with Cluster(tmp_path) as cluster:
        cluster.simulator("--latency", "1500")
        async with embedded(tmp_path) as outside:
            worker = cluster.worker("a")
            await asyncio.to_thread(worker.line)
            cursor = await outside.beginning()
            await outside.submit([line(number) for number in range(50)])
            await asyncio.to_thread(cluster.sim.wait_for, 50)
            assert await asyncio.to_thread(worker.terminate) == 0
            replies, _ = await outside.replies(50, cursor=cursor, seconds=5)
    assert len(replies) == 50


@pytest.mark.kafka
async def test_faststreams_own_command_line_runs_the_worker(tmp_path, kafka_address):
    kafka = kafka_config(kafka_address)
    with Cluster(tmp_path) as cluster:
        simulator = cluster.simulator()
        cluster.config |= {
            "bus": {"kafka": kafka},
            "providers": {"sim": {"base_url": simulator.url}},
            "models": [
                {
                    "name": "gpt-4o-mini",
                    "deployments": [{"id": "d", "provider": "sim", "model": "m", "price": {"input": 1, "output": 1}}],
                }
            ],
        }
        cluster.write()
        async with on_kafka(kafka) as outside:
            cursor = await outside.beginning()
            await outside.submit([line(number) for number in range(200)])
            faststream = Path(sys.executable).parent / "faststream"
            with (tmp_path / "faststream.log").open("wb") as log:
                command = [faststream, "run", "headgate.workers.app:app"]
                process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)  # noqa: ASYNC220
            try:
                replies, cursor = await outside.replies(200, cursor=cursor, seconds=60)
                process.terminate()
                assert await asyncio.to_thread(process.wait, 30) == 0, (tmp_path / "faststream.log").read_text()
                assert await outside.rest(cursor) == []
            finally:
                process.kill()
                process.wait()
    assert len(replies) == 200
