"""Fields of a body that a source fills in or overrides: what may stand under `params`."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ...schemas.plain import is_list, is_mapping
from .document import Notes, Place, is_json

_NOT_OVERRIDDEN: Final = ("model", "messages", "input", "stream")
_SECRET: Final = re.compile(r"api_?key|secret|password|authorization|(^|_)token$", re.IGNORECASE)


def overridable(fields: Mapping[str, object], place: Place, notes: Notes) -> dict[str, object]:
    """Return what may be overridden; all else, and what may be a secret, is noted and left out."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        if name in _NOT_OVERRIDDEN:
            notes.add((*place, name), "This field of a body is nobody's to override: it is left out.")
        elif any(_SECRET.search(each) for each in _names({name: value})):
            notes.add((*place, name), "It may hold a secret, which must not stand in a body: it is left out.", value)
        elif not is_json(value):
            notes.add((*place, name), "It has a number that JSON does not have: it is left out.", value)
        else:
            kept[name] = value
    return kept


def _names(value: object) -> Iterator[str]:
    if is_mapping(value):
        for name, inner in value.items():
            yield name
            yield from _names(inner)
    elif is_list(value):
        for inner in value:
            yield from _names(inner)
