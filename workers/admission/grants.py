"""What a worker remembers of its grants: enough to take them up again in a store that has lost them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...routing.admission.demand import Demand, Hold


@dataclass(slots=True)
class Grant:
    """An attempt that was granted and is not both over and settled."""

    demand: Demand
    at_us: int
    #: The time whose slots hold its charges: `at_us`, or its ticket.
    counted_us: int
    #: Whether the call lasts: it holds parallel slots.
    in_call: bool = True
    #: Whether its cost is known: the ledger will have it, and its holds are not posted again.
    settled: bool = False

    @property
    def holds(self) -> Sequence[Hold]:
        """What it holds until its cost is known."""
        return () if self.settled else self.demand.holds


class Grants:
    """The grants of one worker."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def __repr__(self) -> str:
        return f"<Grants {len(self._grants)}>"

    def __iter__(self) -> Iterator[Grant]:
        return iter(tuple(self._grants.values()))

    def __len__(self) -> int:
        return len(self._grants)

    def add(self, demand: Demand, at_us: int, counted_us: int) -> None:
        """Hear that an attempt may begin; asked again, nothing is new."""
        self._grants.setdefault(demand.attempt_id, Grant(demand, at_us, counted_us))

    def finish(self, attempt_id: str) -> bool:
        """Hear that a call is over; return whether it was known to last."""
        grant = self._grants.get(attempt_id)
        if grant is None or not grant.in_call:
            return False
        grant.in_call = False
        if not grant.holds:
            del self._grants[attempt_id]
        return True

    def settle(self, attempt_id: str, amounts: Sequence[int]) -> None:
        """Hear that an attempt's cost is known: the ledger will have it. Raises `ValueError` if amounts are missing."""
        grant = self._grants.get(attempt_id)
        if grant is None:
            return
        if len(amounts) != len(grant.demand.holds):
            raise ValueError(
                f"expected an amount for each of the {len(grant.demand.holds)} holds of attempt {attempt_id}, "
                f"got {len(amounts)}"
            )
        grant.settled = True
        if not grant.in_call:
            del self._grants[attempt_id]
