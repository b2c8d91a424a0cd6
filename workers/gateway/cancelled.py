"""What people have cancelled, as far as this worker has heard."""

from typing import Final

from ...schemas.control import Cancel, read_control
from ...schemas.record import Record
from ...schemas.request import Request

#: More than anybody cancels in a week.
_REMEMBERED: Final = 100_000


class Cancelled:
    """Batches and requests that shall not be called any more. What arrived after the cancelling is not covered."""

    def __init__(self) -> None:
        self._batches: dict[str, int] = {}
        self._requests: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Cancelled {len(self._batches)} batches, {len(self._requests)} requests>"

    def hear(self, record: Record) -> bool:
        """Hear a record of the control topic; say whether it cancels something."""
        heard = read_control(record)
        if not isinstance(heard, Cancel):
            return False
        for id_, known in ((heard.batch, self._batches), (heard.request, self._requests)):
            if id_ is not None:
                known[id_] = max(heard.at_ms, known.pop(id_, 0))
                while len(known) > _REMEMBERED:
                    del known[next(iter(known))]
        return True

    def covers(self, request: Request) -> bool:
        """Say whether a request is cancelled."""
        if not self._requests and not self._batches:
            return False
        id_ = request.id if request.shadow_of is None else request.shadow_of
        at_ms = max(self._requests.get(id_, -1), self._batches.get(request.batch or "", -1))
        return request.enqueued_ms <= at_ms
