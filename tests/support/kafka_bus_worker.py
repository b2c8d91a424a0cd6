"""A process that is nothing but a bus: answers each request after a while. Fault tests kill it and stop it.

Arguments: address, prefix, group, slot ("-" for none), seconds that most calls take, share of calls that take 1.5 s,
and how many requests of ten are parked before they are answered, once or twice.
It says "started" when it has joined, ends with status 0 on SIGTERM and with 3 when the bus is lost.
"""

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
import time

from headgate.schemas.config import KafkaBus as Config
from headgate.schemas.deferral import Deferral, deferred_record, read_deferral
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier, Topics
from headgate.workers.bus.kafka.bus import KafkaBus
from headgate.workers.bus.port import BusLost

SLOW = 1.5
LENGTHS = {Tier.SECONDS_10: 1.0, Tier.MINUTE: 2.0, Tier.MINUTES_10: 3.0, Tier.HOUR: 4.0}


def tell(bus):
    """Say on stderr what the bus is at: SIGUSR1, for whoever finds it hanging."""
    sys.stderr.write(f"{bus!r} {bus.status()!r}\n")
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def hops_of(delivery, topics):
    """Return how often a request was parked. One that comes early ends the process."""
    deferral = read_deferral(delivery.record, topics)
    if deferral is None:
        return 0
    due = delivery.at_ms / 1000 + LENGTHS[topics.tier_of(delivery.record.topic)]
    if time.time() < due - 0.005:
        sys.stderr.write(f"{delivery.place} came {due - time.time()} s too early\n")
        os._exit(4)
    return deferral.hops


async def main():
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    address, prefix, group, slot, seconds, share, parked = sys.argv[1:]
    config = Config(bootstrap_servers=[address], prefix=prefix, group=group, partitions=2, session_timeout=2.0)
    bus = KafkaBus(config, None if slot == "-" else slot, drain_seconds=1.0, lengths=LENGTHS)
    topics, tasks, rng = Topics(prefix), set(), random.Random(os.getpid())

    async def call(delivery):
        await asyncio.sleep(SLOW if rng.random() < float(share) else rng.random() * float(seconds))
        number = delivery.record.value.split(b" ")[0]
        hops = hops_of(delivery, topics)
        if int(number) % 10 < int(parked) and hops < 1 + int(number) % 2:
            deferral = Deferral(Lane.STANDARD, delivery.place, delivery.at_ms, 0, hops=hops + 1)
            tier = Tier.MINUTE if hops else Tier.SECONDS_10
            bus.complete(delivery, [deferred_record(delivery.record, deferral, topics, tier)], [])
            return
        reply = Record(topics.replies(), number + b" by %d" % os.getpid(), number)
        bus.complete(delivery, [reply], [Record(topics.usage, number)])

    async def admit(deliveries):
        while len(tasks) > 1000:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for delivery in deliveries:
            task = asyncio.create_task(call(delivery))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    ended = asyncio.ensure_future(bus.closed())
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell, bus)
    try:
        await bus.start(admit, lambda _: None)
    except BusLost:
        ended.cancel()
        return 3
    sys.stdout.write("started\n")
    sys.stdout.flush()
    await asyncio.wait({ended, asyncio.ensure_future(asked.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await bus.stop(5)
    with contextlib.suppress(BusLost):
        await ended
        return 0
    return 3


if __name__ == "__main__":
    status = asyncio.run(main())
    os._exit(status)
