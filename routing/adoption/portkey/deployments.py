"""The deployments that the targets of a Portkey config come to: those that are equal are one."""

import json
from collections.abc import Mapping
from typing import Final

from ...tree.node import PriceFinder
from ..document import Notes, Place
from ..unpriced import UNPRICED
from .who import upstream


class Deployments:
    """Gives each its id, and remembers in which model of the config it is to stand."""

    def __init__(self, notes: Notes, prices: PriceFinder | None) -> None:
        self._notes: Final = notes
        self._prices: Final = prices
        self._ids: dict[str, str] = {}
        self._new: dict[str, Mapping[str, object]] = {}

    def __repr__(self) -> str:
        return f"<Deployments {', '.join(self._ids.values())}>"

    def id_of(
        self,
        provider: str,
        row: str | None,
        model: str,
        params: Mapping[str, object],
        timeout: float | None,
        place: Place,
    ) -> str:
        """Return the id of a deployment; `timeout` is in seconds."""
        name = upstream(row, model)
        entry: dict[str, object] = {"provider": provider, "model": name}
        entry |= ({"params": params} if params else {}) | ({} if timeout is None else {"timeout": timeout})
        identity = json.dumps(entry, sort_keys=True, default=str)
        if identity not in self._ids:
            self._ids[identity] = self._free(f"{provider}/{name}")
            self._new[self._ids[identity]] = entry
            if self._prices is not None and self._prices.find(row or provider, name) is None:
                self._notes.add(place, UNPRICED)
        return self._ids[identity]

    def _free(self, wanted: str) -> str:
        taken = set(self._ids.values())
        more = (f"{wanted}#{nr}" for nr in range(2, len(taken) + 3))
        return next(each for each in (wanted, *more) if each not in taken)

    def taken_out(self) -> list[dict[str, object]]:
        """Return those that are new since the last time."""
        found, self._new = self._new, {}
        return [{"id": id_, **entry} for id_, entry in found.items()]
