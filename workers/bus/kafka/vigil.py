"""Looks at the consumer: whether it is alive, and how far behind it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ..port import BusLost
from .consumer import PersistentConsumer

_EVERY_SECONDS: Final = 1.0


async def watch_over(
    find: Callable[[], PersistentConsumer | None], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Raise `BusLost` when the consumer cannot go on: FastStream would ask the dead one for ever."""
    while True:
        await sleep(_EVERY_SECONDS)
        consumer = find()
        if consumer is None or consumer.closed or consumer.current_assignment() is None:
            continue
        if consumer.trouble is not None and not consumer.trouble.retriable:
            raise BusLost(f"Kafka refuses to deliver: {consumer.trouble!r}")
        dead = next((task for task in consumer.own_tasks() if task.done()), None)
        if dead is not None and not consumer.closed:
            raise BusLost(f"aiokafka's consumer has died: {None if dead.cancelled() else dead.exception()!r}")


def lag(consumer: PersistentConsumer | None) -> int | None:
    """Return how many records, of those that may be read, were not handed over yet; None while unknown.

    Markers that transactions leave in the log count, too: they are few, and are passed with the next fetch.
    """
    assignment = None if consumer is None else consumer.current_assignment()
    if assignment is None:
        return None
    total = 0
    for tp in assignment.tps:
        state = assignment.state_value(tp)
        if state.lso is None or not state.has_valid_position:
            return None
        total += max(0, state.lso - state.position)
    return total
