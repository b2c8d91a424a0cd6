"""Waiting without asking again and again."""

import asyncio

from headgate.workers.bus.kafka.bell import Bell


async def test_everybody_who_waits_looks_again():
    bell, facts = Bell(), set()
    waiting = [asyncio.create_task(bell.until(lambda n=n: n in facts)) for n in range(3)]
    await asyncio.sleep(0)
    facts.add(1)
    bell.ring()
    await asyncio.wait_for(waiting[1], 1)
    facts.update((0, 2))
    bell.ring()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)


async def test_what_is_so_already_needs_no_bell():
    await asyncio.wait_for(Bell().until(lambda: True), 1)
