"""Processes that spend: each asks, calls, tells, as a gateway does, until the budget is spent. Tests kill them.

Everything is imported once. A line on stdin, `start NAME`, forks a worker and is answered with its pid; `wait PID` is
answered with the status that it ended with. Arguments: the store's address, the bus's, a prefix, how many requests each
has at a time. On the bus's server `<prefix>books` is what the provider served, `<prefix>events` the usage topic.
"""

import asyncio
import os
import random
import sys
import traceback

from redis.asyncio import Redis

from headgate.producers.redis_link import Address, RedisLink
from headgate.routing.admission.demand import Charge, Correction, Demand, Hold, Mark
from headgate.routing.admission.verdict import Exhausted, Go, Wait
from headgate.schemas.streams import tag
from headgate.workers.admission.redis import RedisAdmission
from support.admission_fleet import BUDGET, DEAD_AFTER, PARALLEL, RATE, WORST


class Spender:
    """One worker."""

    def __init__(self, admission, bus, prefix, name):
        self.admission, self.bus, self.prefix, self.name = admission, bus, prefix, name
        self.count = 0
        self.parent = os.getppid()

    def demand(self, attempt, ticket=None):
        worst = WORST[hash(attempt) % len(WORST)]
        mark = Mark(f"{tag(self.prefix)}:run:{attempt}", f"{attempt} {worst}".encode(), attempt.encode())
        charges = (Charge(RATE, 2),)
        return Demand(attempt, charges, (PARALLEL,), (Hold(BUDGET, worst),), mark, ticket_us=ticket)

    async def spend(self):
        """Make one request after the other, until there is no money left."""
        while os.getppid() == self.parent:
            self.count += 1
            attempt = f"{self.name}-{self.count}"
            demand = self.demand(attempt)
            while not isinstance(verdict := (await self.admission.acquire([demand]))[0], Go):
                if isinstance(verdict, Exhausted):
                    return
                if isinstance(verdict, Wait):
                    await asyncio.sleep(verdict.seconds)
                    demand = self.demand(attempt, verdict.ticket_us)
                else:
                    await asyncio.sleep(0.02 * random.random())
            await self.call(attempt, demand, verdict.at_us)

    async def call(self, attempt, demand, at_us):
        worst = demand.holds[0].amount
        cost = random.randrange(worst + 1)
        await self.bus.rpush(f"{self.prefix}books", f"{attempt} {cost} {at_us}")
        await asyncio.sleep(0.03 * random.random())
        self.admission.finish(attempt, [Correction(RATE, random.choice([-1, 0]))])
        await self.bus.rpush(f"{self.prefix}events", f"{attempt} {cost}")
        self.admission.settle(attempt, [cost])


async def work(name):
    store, server, prefix, at_once = sys.argv[1:]
    link, bus = RedisLink(Address(store)), Redis.from_url(server, protocol=2)
    admission = RedisAdmission(link, prefix, name, dead_after=DEAD_AFTER)
    spender = Spender(admission, bus, prefix, name)
    running = asyncio.create_task(admission.run())
    await asyncio.gather(*(spender.spend() for _ in range(int(at_once))))
    running.cancel()
    await asyncio.wait([running])
    await link.close()
    await bus.aclose()


def start(name):
    pid = os.fork()
    if pid == 0:
        try:
            random.seed()
            asyncio.run(work(name))
        except BaseException:  # noqa: BLE001 - it is the end of the process
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def main():
    for line in sys.stdin:
        word, what = line.split()
        answer = start(what) if word == "start" else os.waitstatus_to_exitcode(os.waitpid(int(what), 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
