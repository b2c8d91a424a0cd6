"""`make bench`: lines on standard error, JSON on standard output, and the tables of docs/benchmarks.md."""

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import buses, lines, planning, wires
from benchmarks.gateway import Measured, Task, measure
from benchmarks.page import filled, tables
from benchmarks.processes import GATEWAY_CORE, HEADGATE, OTHER_CORE, pin, said, started
from benchmarks.profile import profile


def bare(url: str, cwd: Path, options: argparse.Namespace) -> float:
    """Return the CPU of a bare aiohttp call in µs, on the gateway's core."""
    command = [sys.executable, "-m", "benchmarks.bare", url, "--requests", str(options.requests // 2)]
    command += ["--size", str(options.size), "--concurrency", str(options.bare_concurrency)]
    with started(command, Path(__file__).parents[1], GATEWAY_CORE, cwd / "bare.log") as process:
        got = json.loads(said(process))
    (cwd / "bare.json").write_text(json.dumps(got))
    return float(got["cpu_seconds"]) / float(got["requests"]) * 1e6


async def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure each bus between two runs of the yardstick, then look where the CPU goes."""
    rows: list[dict[str, Any]] = []
    for name, held in [(name, held) for name in options.bus for held in (False, True)]:
        with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
            cwd, task = Path(directory), Task(options.requests, options.latency, options.size, held)
            command = [HEADGATE, "simulate", "--port", "0", "--latency", str(options.latency)]
            with started(command, cwd, OTHER_CORE, cwd / "simulator.log") as process:
                url = said(process)
                before = await asyncio.to_thread(bare, url, cwd, options)
                async with getattr(buses, name)(cwd) as load:
                    row = await measure(load, url, cwd, task)
                    after = await asyncio.to_thread(bare, url, cwd, options)
                    steps = await profile(load, url, cwd, task) if options.profile else {}
        bare_us = (before + after) / 2
        rows.append({**asdict(row), "bare_us": bare_us, "ratio": row.cpu_us / bare_us, "profile": steps})
        show(row, rows[-1])
    return rows


async def behind(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure on each bus how long a key waits behind another's line."""
    rows: list[dict[str, Any]] = []
    for name in options.bus:
        with tempfile.TemporaryDirectory(prefix="headgate-bench-") as directory:
            cwd = Path(directory)
            command = [HEADGATE, "simulate", "--port", "0", "--latency", str(options.latency)]
            with started(command, cwd, OTHER_CORE, cwd / "simulator.log") as process:
                url = said(process)
                async with getattr(buses, name)(cwd) as load:
                    row = await lines.measure(load, url, cwd, options.line, options.line // 25, size=400)
        rows.append(asdict(row))
        print(
            f"{name:14} alone {row.alone:.2f} s, behind {row.slow} of another key {row.behind:.2f} s", file=sys.stderr
        )
    return rows


def show(row: Measured, facts: dict[str, Any]) -> None:
    """Print one row for people."""
    added = row.added_ms
    print(
        f"{row.bus:14} {row.requests_per_second:8.0f} requests/s {row.cpu_us:7.0f} µs CPU each, "
        f"bare aiohttp {facts['bare_us']:5.0f} µs, ratio {facts['ratio']:4.2f}, "
        f"added at half load p50 {added['p50']:6.1f} ms p99 {added['p99']:6.1f} ms, peak memory {row.rss_mb:4.0f} MB",
        file=sys.stderr,
    )


def admission() -> list[dict[str, Any]]:
    """Measure admission alone, beside the `limits` library; its table goes to standard error too."""
    command = [sys.executable, "-m", "benchmarks.admission"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def main() -> None:
    """Parse, pin, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--bus", action="append", choices=["embedded", "kafka"])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=20.0, help="the provider's, milliseconds")
    parser.add_argument("--size", type=int, default=4096, help="of a request, bytes")
    parser.add_argument("--line", type=int, default=50_000, help="requests of a key behind which another one waits")
    parser.add_argument("--bare-concurrency", type=int, default=128)
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--admission", action=switch, default=True, help="measure it alone too")
    parser.add_argument("--profile", action=switch, default=True, help="look where the CPU goes too")
    parser.add_argument("--page", type=Path, help="put the tables into this file")
    options = parser.parse_args()
    options.bus = options.bus or ["embedded", "kafka"]
    found: dict[str, Any] = {"where": where(), "admission": admission() if options.admission else []}
    pin(OTHER_CORE)
    found["plans"] = [asdict(row) for row in planning.run(options.requests, options.size)]
    found["wires"] = [asdict(row) for row in wires.run()]
    found["lines"] = asyncio.run(behind(options)) if options.line else []
    found["rows"] = asyncio.run(run(options))
    print(json.dumps(found, indent=2))
    if options.page is not None:
        options.page.write_text(filled(options.page.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")


def where() -> dict[str, str]:
    """Return what the figures depend on."""
    day = dt.datetime.now(dt.UTC).date().isoformat()
    return {"day": day, "cores": str(os.cpu_count()), "python": platform.python_version()}


if __name__ == "__main__":
    main()
