"""Starting and stopping, in this process and in one of its own."""

import asyncio
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from headgate.workers.simulator import Address, Simulator, SimulatorConfig
from headgate.workers.simulator.command import simulate

PATH = "/v1/responses"


def ask(script):
    return {"model": "m", "input": "x", "metadata": {"simulate": script}}


async def test_a_stop_answers_what_is_under_way_and_closes(connect, until):
    simulator = Simulator()
    address = await simulator.start()
    async with connect(address) as busy, connect(address) as idle:
        busy.send("POST", PATH, ask("latency=80"))
        busy.send("POST", PATH, ask("latency=40"))
        await until(lambda: len(simulator.books) == 2)
        stopping = asyncio.create_task(simulator.stop())
        got = [await busy.receive(), await busy.receive()]
        await stopping
        assert [each.status for each in got] == [200, 200]
        assert [each.headers.get("connection") for each in got] == [None, "close"]
        assert await busy.reader.read() == await idle.reader.read() == b""
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(address.host, address.port)


@pytest.mark.parametrize("script", ["hang", "latency=60000", "keepalive=60000"])
async def test_a_stop_does_not_wait_for_ever(connect, script, until):
    simulator = Simulator(SimulatorConfig(drain_ms=20))
    address = await simulator.start()
    async with connect(address) as raw:
        raw.send("POST", PATH, ask(script))
        await until(lambda: len(simulator.books) == 1)
        async with asyncio.timeout(5):
            await simulator.stop()
    assert simulator.books.totals().outcomes["open"] == 0


async def test_it_starts_again_where_it_was_with_the_same_books(connect):
    simulator = Simulator()
    first = await simulator.start()
    async with connect(first) as raw:
        await raw.ask("POST", PATH, ask("ok"))
    await simulator.stop()
    await simulator.stop()
    assert await simulator.start(port=first.port) == first
    async with connect(first) as raw:
        await raw.ask("POST", PATH, ask("ok"))
    await simulator.stop()
    assert len(simulator.books) == 2


async def test_a_connection_that_comes_in_the_last_moment_is_finished_too(connect):
    class Late:
        finished = False

        def finish(self):
            self.finished = True

    simulator, late = Simulator(), Late()
    await simulator.start()
    await simulator.stop()
    simulator._connections.add(late)
    assert late.finished
    simulator._connections.discard(late)
    address = await simulator.start()
    async with connect(address) as raw:
        assert (await raw.ask("GET", "/healthz")).status == 200
    await simulator.stop()


async def test_an_address_before_the_start_and_a_second_start_are_errors():
    with pytest.raises(RuntimeError, match="call start"):
        _ = Simulator().address
    async with Simulator() as simulator:
        with pytest.raises(RuntimeError, match="not running"):
            await simulator.start()


def test_an_address_is_spelled_as_a_client_takes_it():
    assert Address("127.0.0.1", 80).base_url == "http://127.0.0.1:80/v1"
    assert Address("::1", 80).url == "http://[::1]:80"


def started(*options):
    return subprocess.Popen(
        [sys.executable, "-m", "headgate.workers.simulator", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _answers(connect, url):
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    async with connect(Address(host, int(port))) as raw:
        return (await raw.ask("POST", PATH, ask("ok"))).status == 200


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, "parent"])
async def test_a_process_says_where_it_is_and_ends_when_told(connect, end):
    with started("--exit-with-parent", "--latency", "uniform:1,2") as process:
        url = process.stdout.readline().strip()
        assert await _answers(connect, url)
        if end == "parent":
            process.stdin.close()
        else:
            process.send_signal(end)
        assert process.wait(10) == 0
        assert process.stdout.read() == process.stderr.read() == ""


async def test_without_the_flag_the_end_of_stdin_means_nothing(connect):
    with started() as process:
        url = process.stdout.readline().strip()
        process.stdin.close()
        assert await _answers(connect, url)
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--latency", "soon"], "expected a latency as MS"),
        (["--fault", "flood=1"], "expected a fault"),
        (["--fault", "500=1", "--fault", "503=1"], "sum is at most 1"),
        (["--output-tokens", "9-3"], "expected LOW-HIGH"),
        (["--port", "70000"], "70000"),
        (["--max-rps", "0"], "0"),
    ],
)
def test_bad_options_are_bad_usage(options, said):
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 2
    assert said in result.output


async def test_a_port_that_is_taken_is_our_fault_and_said():
    async with Simulator() as simulator:
        port = str(simulator.address.port)
        result = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "headgate.workers.simulator", "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in result.stderr
    assert result.stdout == ""
