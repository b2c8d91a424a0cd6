"""Two attempts at one request, the second for when the first is slow: whichever is answered first counts."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ...routing.outcome import Completion
from .job import Attempt


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt under way."""

    task: asyncio.Task[Attempt]
    #: Makes the attempt that it is, if its end is not waited for: it may be billed all the same.
    abandoned: Callable[[], Attempt]


async def race(
    first: Running,
    after: float,
    sleep: Callable[[float], Awaitable[None]],
    second: Callable[[], Awaitable[Running | None]],
) -> list[Attempt]:
    """Return the attempts in the order in which they ended, and last of all the one that counts.

    The second is begun when the first has had `after` seconds; None: it may not begin.
    """
    running = [first]
    try:
        if not await _ends_within(first.task, after, sleep):
            other = await second()
            running += [] if other is None else [other]
        return await _first_answer(running)
    finally:
        for each in running:
            each.task.cancel()


async def _ends_within(task: asyncio.Task[Attempt], seconds: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    timer = asyncio.ensure_future(sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    return task.done()


async def _first_answer(running: list[Running]) -> list[Attempt]:
    """Wait for an answer, or for the last failure."""
    failed: list[Attempt] = []
    while True:
        await asyncio.wait({each.task for each in running}, return_when=asyncio.FIRST_COMPLETED)
        ended = next(each for each in running if each.task.done())
        running = [each for each in running if each is not ended]
        attempt = ended.task.result()
        if isinstance(attempt.result, Completion) or not running:
            return [*failed, *[await _given_up(each) for each in running], attempt]
        failed.append(attempt)


async def _given_up(running: Running) -> Attempt:
    running.task.cancel()
    await asyncio.wait({running.task})
    return running.abandoned() if running.task.cancelled() else running.task.result()
