"""Portkey's conditions as Headgate's."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import ValidationError

from ....schemas.conditions import checked, is_path
from ....schemas.plain import is_list, is_mapping
from ..document import Notes, Place, is_json

_LOGIC: Final = ("$and", "$or")
_ORDERED: Final = ("$gt", "$gte", "$lt", "$lte")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_PATHNAME: Final = "url.pathname"
_KINDS: Final = ("metadata", "params")


def condition(query: Mapping[str, object], place: Place, notes: Notes) -> dict[str, object] | None:
    """Return a query as a `when`; None, and a note, if a part of it has no counterpart: no condition is widened."""
    try:
        found = dict(_all(query, place, notes))
        checked(found)  # type: ignore[arg-type]  # JSON is what the file holds
    except _NoneSuch as error:
        notes.add((*place, *error.place), f"{error.told} The condition is left out.", query)
        return None
    except ValidationError as error:
        names = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors(include_input=False) if each["loc"]}))
        notes.add(
            place,
            f"Headgate cannot hold requests against it ({names or 'it is empty'}). The condition is left out.",
            query,
        )
        return None
    return found


class _NoneSuch(Exception):  # noqa: N818 - raised and caught in this file only
    def __init__(self, place: Place, told: str) -> None:
        super().__init__(told)
        self.place = place
        self.told = told


def _all(query: Mapping[str, object], place: Place, notes: Notes) -> Iterator[tuple[str, object]]:
    if len(query) > 1 and any(name in _LOGIC for name in query):
        notes.add(place, "Everything that stands beside $or and $and has to hold, too; Portkey passes over it.")
    for name, value in query.items():
        if name in _LOGIC:
            yield name, [dict(_all(each, (*place, name), notes)) for each in _mappings(value, (name,))]
        else:
            yield _path(name), _operand(value, (name,))


def _mappings(value: object, at: Place) -> Iterator[Mapping[str, object]]:
    if not is_list(value):
        raise _NoneSuch(at, "It is no list of conditions.")
    for each in value:
        if not is_mapping(each):
            raise _NoneSuch(at, "It is no list of conditions.")
        yield each


def _path(name: str) -> str:
    """Return where a value is; Portkey looks at the first two steps of a path."""
    if name == _PATHNAME:
        return "endpoint"
    kind, _, rest = name.partition(".")
    field = rest.partition(".")[0]
    path = f"{kind}.{field}"
    if kind not in _KINDS or not is_path(path):
        raise _NoneSuch((name,), "Conditions look at metadata, parameters and the endpoint.")
    return path


def _operand(value: object, at: Place) -> object:
    if not is_json(value):
        raise _NoneSuch(at, "It has a number that JSON does not have.")
    if not is_mapping(value):
        return value
    found: dict[str, object] = {}
    for operator, operand in value.items():
        if operator == "$length":
            raise _NoneSuch(
                (*at, operator), "Headgate compares no lengths of lists; input_tokens is how long a request is."
            )
        found[operator] = _as_number(operand) if operator in _ORDERED else operand
    return found


def _as_number(operand: object) -> object:
    return float(operand) if isinstance(operand, str) and _NUMBER.fullmatch(operand) else operand
