"""Reads the parts of a source: what is known becomes a frozen value, and every other name is noted."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...schemas.plain import is_list, is_mapping
from .document import Notes, Place
from .names import without_counterpart

_S = TypeVar("_S", bound="Section")

#: A variable's name in the place of a number.
Reference = Annotated[str, Field(pattern=r"^os\.environ/[A-Za-z_][A-Za-z0-9_]*$")]
Count = Annotated[int, Field(ge=1, le=10**12)]
Positive = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping of a source. Each field says in its description what becomes of it."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True, use_attribute_docstrings=True)

    #: Whose format it is, and what the mapping is called in the table of names.
    source: ClassVar[str]
    section: ClassVar[str]
    #: Names beside the fields that are carried over as they are, and what becomes of them.
    passed: ClassVar[frozenset[str]] = frozenset()
    passed_to: ClassVar[str] = ""

    def passed_on(self) -> Mapping[str, object]:
        """Return the values of the names that are carried over as they are."""
        return {name: value for name, value in (self.model_extra or {}).items() if name in self.passed}


def read(kind: type[_S], data: object, place: Place, notes: Notes) -> _S:
    """Read a mapping. A value that does not fit is noted and left out, like a name that is not known."""
    if data is None:
        return kind()
    if not is_mapping(data):
        notes.add(place, "It is no mapping of names, so nothing of it is carried over.", data)
        return kind()
    value, unfit = _validated(kind, data)
    known = without_counterpart(kind.source, kind.section)
    for name, inner in data.items():
        if name in unfit:
            told = kind.model_fields[name].description or ""
            notes.add((*place, name), f"Its value cannot be carried over to {_in_short(told)}; it is left out.", inner)
        elif name not in kind.model_fields and name not in kind.passed:
            notes.add((*place, name), known.get(name, UNKNOWN), inner)
    return value


_CAPITAL: Final = re.compile(r"(?<!^)[A-Z]")

#: What is said of names that nobody has described.
UNKNOWN = "Headgate does not know this name, and does nothing with it."


def _in_short(told: str) -> str:
    return told.partition(";")[0].rstrip(".")


def _validated(kind: type[_S], data: dict[str, Any]) -> tuple[_S, frozenset[str]]:
    given = {name: inner for name, inner in data.items() if inner is not None}
    try:
        return kind.model_validate(given), frozenset()
    except ValidationError as error:
        unfit = frozenset(str(each["loc"][0]) for each in error.errors(include_input=False, include_url=False))
    kept = {name: inner for name, inner in given.items() if name not in unfit}
    return kind.model_validate(kept), unfit


def in_snake_case(kind: type[Section], data: object) -> object:
    """Return a mapping with its known names as they are spelt here: `onStatusCodes` is `on_status_codes`."""
    if not is_mapping(data):
        return data
    known = kind.model_fields.keys() | without_counterpart(kind.source, kind.section).keys()
    found: dict[str, object] = {}
    for name, value in data.items():
        snake = _CAPITAL.sub(lambda match: f"_{match[0].lower()}", name)
        found[snake if snake in known and snake not in data else name] = value
    return found


def items(data: object, place: Place, notes: Notes) -> list[tuple[Place, object]]:
    """Return the entries of a list with their places; what is no list is noted."""
    if data is None:
        return []
    if not is_list(data):
        notes.add(place, "It is no list, so nothing of it is carried over.", data)
        return []
    return [((*place, nr), each) for nr, each in enumerate(data)]
