"""References to the environment in a config's texts: `os.environ/NAME`, and `${NAME}` inside longer ones."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...schemas.plain import is_list, is_mapping
from .errors import Place

_WHOLE: Final = re.compile(r"os\.environ/(.*)", re.DOTALL)
_INSIDE: Final = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?", re.DOTALL)

#: How an error begins that is about a variable which is not set.
A_VARIABLE: Final = "the environment variable "
_SPELLING: Final = "${NAME}, ${NAME:-default} or os.environ/NAME, and $${ for a plain ${"


@dataclass(frozen=True, slots=True)
class Missing:
    """A reference that leads nowhere."""

    place: Place
    expected: str
    given: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The data with its references replaced, and where they stood: nothing there may be shown."""

    data: object
    #: Place → the text as it stands in the file.
    references: Mapping[Place, str]
    missing: tuple[Missing, ...]


def resolve(data: object, environ: Mapping[str, str]) -> Resolved:
    """Replace every reference below `data`. An unset or empty variable without a default is missing."""
    resolver = _Resolver(environ)
    replaced = resolver.value(data, ())
    return Resolved(replaced, resolver.references, tuple(resolver.missing))


class _Resolver:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.references: dict[Place, str] = {}
        self.missing: list[Missing] = []

    def value(self, data: object, place: Place) -> object:
        if is_mapping(data):
            return {name: self.value(value, (*place, str(name))) for name, value in data.items()}
        if is_list(data):
            return [self.value(value, (*place, nr)) for nr, value in enumerate(data)]
        return self._text(data, place) if isinstance(data, str) else data

    def _text(self, text: str, place: Place) -> str:
        whole = _WHOLE.fullmatch(text)
        if whole is not None:
            return self._variable(whole[1], place, text)
        return _INSIDE.sub(lambda match: self._inside(match, place, text), text)

    def _inside(self, match: re.Match[str], place: Place, text: str) -> str:
        if match[0] == "$${":
            return "${"
        return self._variable(match[1] if match[2] else "", place, text)

    def _variable(self, spelling: str, place: Place, text: str) -> str:
        self.references[place] = text
        match = _NAME.fullmatch(spelling)
        if match is None:
            self.missing.append(Missing(place, _SPELLING, "a reference that is spelt otherwise"))
            return ""
        name, default = match[1], match[3]
        value = self._environ.get(name) or default
        if value is None:
            given = "an empty one" if name in self._environ else "none"
            self.missing.append(Missing(place, A_VARIABLE + name, given))
        return value or ""


def with_overrides(data: object, overrides: Mapping[str, object]) -> tuple[object, dict[Place, object]]:
    """Lay dotted overrides (`bus.kafka.prefix` → value) over `data`; `None` overrides nothing.

    Returns the new data and the places that were set. What is in the way of an override makes way for it.
    """
    placed = {_place(path): value for path, value in overrides.items() if value is not None}
    for place, value in placed.items():
        data = _set(data, place, value)
    return data, placed


def _place(path: str) -> Place:
    return tuple(int(step) if step.isdecimal() else step for step in path.split("."))


def _set(data: object, place: Place, value: object) -> object:
    if not place:
        return value
    step, rest = place[0], place[1:]
    if isinstance(step, int) and is_list(data) and step < len(data):
        return [*data[:step], _set(data[step], rest, value), *data[step + 1 :]]
    mapping: dict[str | int, object] = dict(data.items()) if is_mapping(data) else {}
    return {**mapping, step: _set(mapping.get(step), rest, value)}


def covering(places: Mapping[Place, object], place: Place) -> Place | None:
    """Return the one of `places` at, or around, `place`."""
    return next((start for start in _starts(place) if start in places), None)


def _starts(place: Place) -> Iterator[Place]:
    return (place[:length] for length in range(len(place), -1, -1))
