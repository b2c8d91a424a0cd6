# ruff: noqa: T201 - what it prints is what the test waits for
"""A process that stops as it is told to: for test_stopping.py. Arguments: drain, grace, how long its work takes."""

import asyncio
import sys
import time

from headgate.workers.ops.logs import Logs
from headgate.workers.ops.parent import stop_with_parent
from headgate.workers.ops.stopping import Stopping


async def main(drain: float, grace: float, work: float) -> None:
    with Stopping(drain, grace=grace) as stopping:
        if "--exit-with-parent" in sys.argv:
            stop_with_parent(stopping)
        print("up", flush=True)
        await stopping.wait()
        print(f"stopping: {stopping.reason}", flush=True)
        if "--block" in sys.argv:
            time.sleep(work)  # noqa: ASYNC251 - what must never be done is what is tested
        await asyncio.sleep(work)
    print("done", flush=True)


if __name__ == "__main__":
    with Logs("json"):
        asyncio.run(main(*map(float, sys.argv[1:4])))
