"""Conditions on requests, compiled once from the config: a predicate looks only at what its condition names.

What is absent counts as null, except for `$exists`. Numbers compare with numbers, texts with texts, and true is not 1.
Metadata and names are always texts: held against a number or a truth value, they are read as one.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, assert_never

import msgspec
from pydantic import JsonValue

from ..schemas.conditions import All, Comparison, Condition, Not, Some, condition_of
from ..schemas.plain import is_list, is_mapping
from ..schemas.request import Request
from .estimate import estimated_tokens

_ABSENT: Final = object()
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value: Final = msgspec.json.Decoder()


class Facts:
    """What conditions may look at of one request; found when it is first asked for."""

    __slots__ = ("_fields", "_tokens", "request", "workspace")

    def __init__(self, request: Request, workspace: str | None = None) -> None:
        self.request = request
        #: Of the request's key.
        self.workspace = workspace
        self._fields: Mapping[str, msgspec.Raw] | None = None
        self._tokens: int | None = None

    def __repr__(self) -> str:
        return f"<Facts of {self.request.id}>"

    @property
    def input_tokens(self) -> int:
        """About so many, estimated from the body alone."""
        if self._tokens is None:
            self._tokens = estimated_tokens(self.request).input
        return self._tokens

    def field(self, name: str) -> object:
        """Return the value of a field of the body."""
        try:
            if self._fields is None:
                self._fields = _fields.decode(self.request.body)
            return _value.decode(self._fields[name]) if name in self._fields else _ABSENT
        except (msgspec.DecodeError, RecursionError):  # a number, or a depth, that nobody can hold
            return _ABSENT


Predicate = Callable[[Facts], bool]
_Getter = Callable[[Facts], object]
_Test = Callable[[object], bool]


def predicate(when: Mapping[str, JsonValue]) -> Predicate:
    """Compile a `when` of the config, which has checked it."""
    return compiled(condition_of(when))


def compiled(condition: Condition) -> Predicate:
    """Compile a condition."""
    match condition:
        case Comparison():
            return _comparison(condition)
        case Not():
            inner = compiled(condition.part)
            return lambda facts: not inner(facts)
        case All():
            return _all(tuple(map(compiled, condition.parts)))
        case Some():
            parts = tuple(map(compiled, condition.parts))
            return lambda facts: any(part(facts) for part in parts)
        case _:
            assert_never(condition)


def _all(parts: tuple[Predicate, ...]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    return lambda facts: all(part(facts) for part in parts)


def _comparison(wanted: Comparison) -> Predicate:
    get, test = getter(wanted.path), _test(wanted, textual=_is_textual(wanted.path))
    return lambda facts: test(get(facts))


def getter(path: str) -> _Getter:
    """Return what finds the value at a path; what a request does not have is found as no JSON value."""
    kind, _, name = path.partition(".")
    match kind:
        case "metadata":
            return lambda facts: facts.request.metadata.get(name, _ABSENT)
        case "params":
            return lambda facts: facts.field(name)
        case _:
            return _SINGLE[path]


_SINGLE: Final[Mapping[str, _Getter]] = MappingProxyType(
    {
        "key": lambda facts: facts.request.key,
        "workspace": lambda facts: _ABSENT if facts.workspace is None else facts.workspace,
        "lane": lambda facts: facts.request.lane.value,
        "model": lambda facts: facts.request.model,
        "endpoint": lambda facts: facts.request.endpoint.value,
        "end_user": lambda facts: _ABSENT if facts.request.end_user is None else facts.request.end_user,
        "input_tokens": lambda facts: facts.input_tokens,
        "input_bytes": lambda facts: len(facts.request.body),
    }
)


def text_at(path: str) -> Callable[[Facts], str | None]:
    """Return what finds the value at a path as text, None where there is none: for hashing."""
    get = getter(path)

    def find(facts: Facts) -> str | None:
        value = get(facts)
        if value is _ABSENT or value is None:
            return None
        return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()

    return find


def _is_textual(path: str) -> bool:
    return not path.startswith(("params.", "input_"))


def _test(wanted: Comparison, *, textual: bool) -> _Test:
    """Return what holds a value against the operand."""
    operand = wanted.value
    match wanted.operator:
        case "$eq" | "$ne":
            test = _equals(operand, textual=textual)
        case "$in" | "$nin":
            test = _one_of(operand, textual=textual)
        case "$exists":
            return lambda value: (value is not _ABSENT) is operand
        case "$regex":
            search = re.compile(str(operand)).search
            return lambda value: isinstance(value, str) and search(value) is not None
        case "$gt" | "$gte" | "$lt" | "$lte":
            return _ordered(_ORDERS[wanted.operator], operand, textual=textual)
        case _:
            assert_never(wanted.operator)
    return _not(test) if wanted.operator in {"$ne", "$nin"} else test


def _not(test: _Test) -> _Test:
    return lambda value: not test(value)


def _one_of(operand: JsonValue, *, textual: bool) -> _Test:
    listed = operand if isinstance(operand, list) else []
    if textual and all(isinstance(each, str) for each in listed):
        texts = frozenset(each for each in listed if isinstance(each, str))
        return lambda value: value in texts
    tests = tuple(_equals(each, textual=textual) for each in listed)
    return lambda value: any(test(value) for test in tests)


def _equals(operand: JsonValue, *, textual: bool) -> _Test:
    if operand is None:
        return lambda value: value is None or value is _ABSENT
    if isinstance(operand, str):
        return lambda value: value == operand
    if textual and isinstance(operand, bool):
        word = "true" if operand else "false"
        return lambda value: value == word
    if textual and isinstance(operand, int | float):
        return lambda value: _number(value) == operand
    return lambda value: _same(value, operand)


#: Which outcomes of a comparison (below, equal, above) an operator takes.
_ORDERS: Final[Mapping[str, frozenset[int]]] = MappingProxyType(
    {"$gt": frozenset({1}), "$gte": frozenset({0, 1}), "$lt": frozenset({-1}), "$lte": frozenset({-1, 0})}
)


def _ordered(outcomes: frozenset[int], operand: JsonValue, *, textual: bool) -> _Test:
    if isinstance(operand, str):
        return lambda value: isinstance(value, str) and (value > operand) - (value < operand) in outcomes
    if not isinstance(operand, int | float):
        return lambda _: False
    read = _number if textual else _plain_number

    def test(value: object) -> bool:
        number = read(value)
        return number is not None and (number > operand) - (number < operand) in outcomes

    return test


def _number(text: object) -> float | None:
    """Read a text as JSON reads numbers."""
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _plain_number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _same(one: object, other: object) -> bool:
    """Compare JSON values, for which true is not 1."""
    if is_list(one) and is_list(other):
        return len(one) == len(other) and all(map(_same, one, other))
    if is_mapping(one) and is_mapping(other):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return isinstance(one, bool) is isinstance(other, bool) and one == other
