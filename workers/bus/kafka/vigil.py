"""Looks whether the consumer is alive."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ..port import BusLost
from .member import MemberConsumer

_EVERY_SECONDS: Final = 1.0


async def watch_over(
    find: Callable[[], MemberConsumer | None], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
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
        consumer.look_for_trouble()
