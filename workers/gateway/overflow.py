"""Sends away those that stand far back in their key's line, before they cost a claim, a slot and a task."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ...routing.admission.line import Lines, back_us
from ...routing.admission.step import Park, too_late
from ...schemas.request import Request
from .desk import Desk, Progress
from .job import Job
from .room import Room
from .runner import claimed_name

_NO_PROGRESS = Progress((), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Overflow:
    """Parks them until shortly before their turn, or says at once that it comes too late."""

    desk: Desk
    lines: Lines
    #: Bounds what is parked and not yet committed.
    room: Room
    #: Which of these the journal knows.
    known: Callable[[Sequence[str]], Awaitable[frozenset[str]]]
    #: Unix microseconds by the store's clock.
    now_us: Callable[[], int]
    is_cancelled: Callable[[Request], bool]

    async def remaining(self, jobs: list[Job]) -> list[Job]:
        """Return those that are to be run, or to ask for a slot; the others have left."""
        far = {claimed_name(job.request): job for job in jobs if self._stands_far_back(job)}
        if not far:
            return jobs
        for name in await self.known(list(far)):  # begun, or answered: the journal says how it goes on
            del far[name]
        leaving = list(far.values())
        while leaving:
            count = await self.room.take([job.size for job in leaving])
            for job in leaving[:count]:
                self._send_away(job)
            leaving = leaving[count:]
        gone = {id(job) for job in far.values()}
        return [job for job in jobs if id(job) not in gone]

    def _stands_far_back(self, job: Job) -> bool:
        """Say so of newcomers only: whoever comes back has stood in the line already."""
        request = job.request
        if (
            job.why is not None
            or job.deferral is not None
            or self.lines.turn_us(request.key, request.lane, self.now_us()) is None
        ):
            return False
        return not self.is_cancelled(request)

    def _send_away(self, job: Job) -> None:
        request, now_us = job.request, self.now_us()
        turn_us = self.lines.turn_us(request.key, request.lane, now_us) or now_us

        def over() -> None:
            self.room.give_back(job.size)

        if turn_us >= request.deadline_ms * 1000:
            why = too_late(turn_us, f"the line of {request.key}")
            self.desk.refuse(job.delivery, request, why, place=job.place, key=job.key, then=over)
            return
        self.lines.joined(request.key, request.lane, turn_us)
        self.desk.park(job, Park(back_us(turn_us, now_us)), _NO_PROGRESS, over)
