"""Secrets of a source: a reference is kept, and what stands there in plain is replaced by one, never copied."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ...schemas.plain import is_list, is_mapping
from .document import REFERENCE, Notes, Place, Written

#: Said of calls that are shown keys of AWS.
SIGNED: Final = "Calls with keys of AWS are signed, which takes the extra headgate[bedrock]."
_UNFIT: Final = re.compile(r"[^A-Z0-9]+")


class Variables:
    """The variables of the config that is made, and whose secrets they are for."""

    def __init__(self, source: object, notes: Notes) -> None:
        self._taken: set[str] = set(_referred(source))
        self._names: dict[str, str] = {}
        self._notes: Final = notes

    def __repr__(self) -> str:
        return f"<Variables {len(self._taken)} taken>"

    def secret(self, text: str, wanted: Sequence[str], place: Place) -> Written:
        """Return the reference to a secret: its own, or one to the first of the `wanted` names that is free."""
        if REFERENCE.fullmatch(text):
            return Written(text)
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = self._free(wanted)
        self._notes.add(place, f"The secret stands there itself and is not copied: put it into the variable {name}.")
        return Written(f"${{{name}}}")

    def missing(self, wanted: Sequence[str], place: Place, where: str) -> Written:
        """Return a reference to a secret that the source does not hold; `where` is who has it."""
        name = self._free(wanted)
        self._notes.add(place, f"The secret lies with {where}: put it into the variable {name}.")
        return Written(f"${{{name}}}")

    def _free(self, wanted: Sequence[str]) -> str:
        last = wanted[-1]
        more = (f"{last}_{nr}" for nr in range(2, len(self._taken) + 3))
        name = next(each for each in (*wanted, *more) if each not in self._taken)
        self._taken.add(name)
        return name


def variable(*parts: str) -> str:
    """Spell a variable's name.

    >>> variable("azure-eu", "api key")
    'AZURE_EU_API_KEY'
    """
    name = "_".join(filter(None, (_UNFIT.sub("_", part.upper()).strip("_") for part in parts)))
    return f"_{name}" if name[:1].isdigit() else name or "SECRET"


def _referred(value: object) -> Iterable[str]:
    if is_mapping(value):
        for inner in value.values():
            yield from _referred(inner)
    elif is_list(value):
        for inner in value:
            yield from _referred(inner)
    elif isinstance(value, str) and (found := REFERENCE.fullmatch(value)):
        yield found[1]
