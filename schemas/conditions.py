"""Conditions on requests: what stands under `when` in the config, read once, with every fault at its own place.

    {metadata.tier: gold, input_tokens: {$gt: 1000, $lte: 8000}, $or: [{key: a}, {key: {$regex: ^b}}]}

Everything that stands side by side has to hold, whatever it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal, cast

from pydantic import AfterValidator, JsonValue, ValidationError
from pydantic_core import InitErrorDetails

from .config_values import wrong
from .plain import is_list, is_mapping

Operator = Literal["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exists"]

#: What every request has, beside `metadata.NAME` and `params.NAME`.
SINGLE_PATHS: Final = (
    "key",
    "workspace",
    "lane",
    "model",
    "endpoint",
    "end_user",
    "input_tokens",
    "input_bytes",
)
_PATHS: Final = ", ".join(("metadata.NAME", "params.NAME", *SINGLE_PATHS))
_PREFIXES: Final = ("metadata.", "params.")

_Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operator on the value at one path."""

    path: str
    operator: Operator
    value: JsonValue


@dataclass(frozen=True, slots=True)
class All:
    """Each of them holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of them holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: "Condition"


Condition = Comparison | All | Some | Not


def is_path(text: str) -> bool:
    """Say whether a text names a value of requests."""
    return text in SINGLE_PATHS or any(text.startswith(prefix) and text != prefix for prefix in _PREFIXES)


def path(text: str) -> str:
    """Check that a text names a value of requests."""
    if not is_path(text):
        raise wrong(f"one of {_PATHS}", repr(text))
    return text


def condition_of(when: Mapping[str, JsonValue]) -> Condition:
    """Return what a `when` that was checked says."""
    return _Reader().all(when, ())


def checked(when: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Find everything that is wrong with a `when`, each fault at its place below it."""
    reader = _Reader()
    reader.all(when, ())
    if reader.faults:
        raise ValidationError.from_exception_data("Condition", reader.faults)
    return when


#: The field of a config that holds a condition.
When = Annotated[dict[str, JsonValue], AfterValidator(checked)]
#: The field of a config that names a value of requests.
Path = Annotated[str, AfterValidator(path)]


class _Reader:
    """Reads a condition and notes its faults; what has one is read as nothing."""

    def __init__(self) -> None:
        self.faults: list[InitErrorDetails] = []

    def all(self, value: object, place: _Place) -> All:
        if not is_mapping(value) or not value:
            self._fault(place, "paths or $and, $or, $not with their conditions", value)
            return All(())
        parts = [self._entry(str(name), inner, (*place, str(name))) for name, inner in value.items()]
        return parts[0] if len(parts) == 1 and isinstance(parts[0], All) else All(tuple(parts))

    def _entry(self, name: str, value: object, place: _Place) -> Condition:
        match name:
            case "$and":
                return All(self._each(value, place))
            case "$or":
                return Some(self._each(value, place))
            case "$not":
                return Not(self.all(value, place))
            case _:
                if not is_path(name):
                    self._fault(place, f"one of {_PATHS}, $and, $or, $not", name)
                return self._field(name, value, place)

    def _each(self, value: object, place: _Place) -> tuple[Condition, ...]:
        if not is_list(value) or not value:
            self._fault(place, "a list of conditions", value)
            return ()
        return tuple(self.all(inner, (*place, nr)) for nr, inner in enumerate(value))

    def _field(self, name: str, value: object, place: _Place) -> Condition:
        """Read what a path is held against: operators, or a value that it has to equal."""
        if not is_mapping(value) or not any(str(key).startswith("$") for key in value):
            return Comparison(name, "$eq", cast("JsonValue", value))
        parts = tuple(self._test(name, str(operator), operand, place) for operator, operand in value.items())
        return parts[0] if len(parts) == 1 else All(parts)

    def _test(self, name: str, operator: str, operand: object, above: _Place) -> Condition:
        place = (*above, operator)
        if operator == "$not":
            return Not(self._field(name, operand, place))
        if operator not in _OPERANDS:
            self._fault(place, f"one of {', '.join(_OPERANDS)}, $not", operator)
        elif not _fits(operator, operand):
            self._fault(place, _OPERANDS[operator], operand)
        return Comparison(name, cast("Operator", operator), cast("JsonValue", operand))

    def _fault(self, place: _Place, expected: str, given: object) -> None:
        error = InitErrorDetails(type=wrong(expected, _quoted(given)), loc=place, input=given)
        self.faults.append(error)


_NUMBER_OR_TEXT: Final = "a number or a text"
#: What each operator is given.
_OPERANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "$eq": "a value",
        "$ne": "a value",
        "$gt": _NUMBER_OR_TEXT,
        "$gte": _NUMBER_OR_TEXT,
        "$lt": _NUMBER_OR_TEXT,
        "$lte": _NUMBER_OR_TEXT,
        "$in": "a list",
        "$nin": "a list",
        "$regex": "a regular expression",
        "$exists": "true or false",
    }
)


def _fits(operator: str, operand: object) -> bool:
    match _OPERANDS[operator]:
        case "a list":
            return is_list(operand)
        case "true or false":
            return isinstance(operand, bool)
        case "a regular expression":
            return isinstance(operand, str) and _compiles(operand)
        case "a number or a text":
            return isinstance(operand, int | float | str) and not isinstance(operand, bool)
        case _:
            return True


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _quoted(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"
