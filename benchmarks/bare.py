"""The yardstick: a bare aiohttp loop that makes the calls and does nothing with the answers."""

import argparse
import asyncio
import json
import resource
import time

import aiohttp

from benchmarks.load import chat_body


async def measure(url: str, requests: int, concurrency: int, size: int) -> dict[str, float]:
    """Make `requests` calls, `concurrency` at a time; return seconds of wall clock and CPU."""
    body = json.dumps(chat_body(size)).encode()
    left = requests

    async def call_all(session: aiohttp.ClientSession) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            async with session.post(
                f"{url}/chat/completions", data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        left = concurrency  # connections first
        await asyncio.gather(*[call_all(session) for _ in range(concurrency)])
        left = requests
        began, cpu = time.perf_counter(), _cpu()
        await asyncio.gather(*[call_all(session) for _ in range(concurrency)])
        return {"requests": requests, "seconds": time.perf_counter() - began, "cpu_seconds": _cpu() - cpu}


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    import uvloop  # noqa: PLC0415 - the same event loop as the gateway's

    print(json.dumps(uvloop.run(measure(options.url, options.requests, options.concurrency, options.size))))


if __name__ == "__main__":
    main()
