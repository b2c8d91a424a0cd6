"""Looking at the consumer: is it alive, and how far behind?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiokafka import AIOKafkaConsumer
from faststream.kafka.subscriber.usecase import BatchSubscriber

from ..port import BusLost

_EVERY_SECONDS: Final = 1.0


async def watch_over(
    subscriber: BatchSubscriber, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Raise `BusLost` when one of aiokafka's own tasks has died: FastStream would ask the dead consumer for ever."""
    while True:
        await sleep(_EVERY_SECONDS)
        consumer = subscriber.consumer
        if consumer is None or consumer._coordinator is None or consumer._closed:  # noqa: SLF001 - no public view
            continue
        for task in (consumer._coordinator._coordination_task, consumer._fetcher.error_future):  # noqa: SLF001 - as above
            if task.done() and not consumer._closed:  # noqa: SLF001 - as above
                error = None if task.cancelled() else task.exception()
                raise BusLost(f"aiokafka's consumer has died: {error!r}")


def lag(consumer: AIOKafkaConsumer | None) -> int | None:
    """Return how many records, of those that may be read, were not handed over yet; None while unknown.

    Markers that transactions leave in the log count, too: they are few, and are passed with the next fetch.
    """
    subscription = None if consumer is None else consumer._subscription.subscription  # noqa: SLF001 - the public way waits
    if subscription is None or subscription.assignment is None:
        return None
    total = 0
    for tp in subscription.assignment.tps:
        state = subscription.assignment.state_value(tp)
        if state.lso is None or not state.has_valid_position:
            return None
        total += max(0, state.lso - state.position)
    return total
