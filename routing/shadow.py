"""A copy of a request for a model whose answer is only recorded: who gets one, and what it asks. Pure.

A copy is a request of its own from the moment on that the reply to the first is decided. Its key, its workspace and its
metadata are the request's, so that it counts against the same limits and budgets; its id, its lane, its reply topic,
its deadline and its place are its own, so that nothing that becomes of it concerns whoever asked.
"""

from typing import Final

import msgspec

from ..schemas.deferral import Deferral
from ..schemas.reply import Status
from ..schemas.request import Rejected, Request
from ..schemas.topics import Lane
from .providers.body import asking_for
from .target import Fallbacks, Plan

#: Behind the name of what is copied.
_MARK: Final = "+shadow"
#: Who was not called for is not copied, and who was cancelled or is late shall cost no more.
_COPIED: Final = frozenset({Status.COMPLETED, Status.FAILED})


def shadow_deferral(plan: Plan, place: str, status: Status, now_ms: int) -> Deferral | None:
    """Return what parks the copy of a request that ended, for a moment; None: it is not copied."""
    if plan.shadow is None or status not in _COPIED:
        return None
    return Deferral(Lane.BULK, f"{place}{_MARK}", now_ms, now_ms, shadow=plan.shadow.model)


def original_place(deferral: Deferral) -> str:
    """Return where the record arrived, by which a request without an id is called; a copy's place is its own."""
    return deferral.place if deferral.shadow is None else deferral.place.removesuffix(_MARK)


def shadow_of(read: Request | Rejected, deferral: Deferral, reply_to: str, deadline_ms: int) -> Request | Rejected:
    """Return the copy that comes back, from the request as its producer wrote it; `read` itself if it is no copy.

    `deadline_ms` is how long it may take from when it was made.
    """
    if deferral.shadow is None:
        return read
    id_ = f"{read.id}{_MARK}"
    if isinstance(read, Rejected):
        return msgspec.structs.replace(read, id=id_, model=deferral.shadow, reply_to=reply_to, shadow_of=read.id)
    return msgspec.structs.replace(
        asking_for(read, deferral.shadow),
        id=id_,
        reply_to=reply_to,
        deadline_ms=deferral.at_ms + deadline_ms,
        shadow_of=read.id,
    )


def alone(plan: Plan) -> Plan:
    """Return the plan of a copy: the model itself is asked, no other in its place, nobody beside it, and no copy."""
    return msgspec.structs.replace(plan, fallbacks=Fallbacks(most=0), hedge=None, shadow=None)
