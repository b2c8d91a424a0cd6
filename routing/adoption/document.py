"""What an import makes: the parts of a `headgate.yaml` as plain values, and the names that it could not carry over."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...schemas.plain import is_list, is_mapping
from ..providers.catalogue import Row, row_of

#: Steps from the top of the source to a name.
Place = tuple[str | int, ...]

#: A whole text that names a variable, in LiteLLM's spelling, which is also one of Headgate's.
REFERENCE: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_INSIDE: Final = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

#: Stands for whatever a variable holds: good as a secret, a name, and a number.
_STAND_IN: Final = "1"
_STAND_IN_URL: Final = "https://stand-in.invalid"


class Written(str):
    """A text in the config's own spelling: what looks like a reference in it is one."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A name of the source that was not carried over as it is, and what is done instead."""

    place: Place
    #: A sentence.
    instead: str
    #: All names that stand below it, dotted.
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """The outcome of an import."""

    #: Parts of the config by name; `Written` texts hold references, all others are meant literally.
    document: Mapping[str, object]
    notes: tuple[Note, ...]


class Notes:
    """Collects notes during one import."""

    def __init__(self) -> None:
        self._notes: dict[tuple[Place, str], Note] = {}

    def __repr__(self) -> str:
        return f"<Notes {len(self._notes)}>"

    def add(self, place: Place, instead: str, value: object = None) -> None:
        """Note a name; `value` is what stands there, of which only the names are kept."""
        self._notes.setdefault((place, instead), Note(place, instead, tuple(names_below(value))))

    @property
    def all(self) -> tuple[Note, ...]:
        """In the order in which they were found."""
        return tuple(self._notes.values())


def names_below(value: object, above: str = "") -> Iterator[str]:
    """Yield the names that stand anywhere below a value, dotted, each once for each list."""
    if is_mapping(value):
        for name, inner in value.items():
            yield f"{above}{name}"
            yield from names_below(inner, f"{above}{name}.")
    elif is_list(value):
        yield from dict.fromkeys(name for inner in value for name in names_below(inner, above))


def is_json(value: object) -> bool:
    """Say whether all numbers of a value are ones that JSON has: not infinite, and not none."""
    if is_mapping(value):
        return all(map(is_json, value.values()))
    if is_list(value):
        return all(map(is_json, value))
    return not isinstance(value, float) or math.isfinite(value)


def spelt(value: object) -> object:
    """Return a value as it has to stand in the config: plain texts without what would be read as a reference."""
    if is_mapping(value):
        return {name: spelt(inner) for name, inner in value.items()}
    if is_list(value):
        return [spelt(inner) for inner in value]
    if isinstance(value, Written):
        return str(value)
    return value.replace("${", "$${") if isinstance(value, str) else value


def stand_ins(document: Mapping[str, object], rows: Mapping[str, Row]) -> Mapping[str, str]:
    """Return a value for each variable that a config needs, so that it can be checked where they are not set."""
    found = dict(_referred(document, ""))
    for name, entry in _entries(document.get("providers")):
        row = None if "base_url" in entry else row_of(str(entry.get("like", name)), rows)
        if row is not None:
            options = entry.get("options")
            told = options if is_mapping(options) else {}
            variables = [row.keys, *(each for option, each in row.options.items() if option not in told)]
            found |= {each[0]: _STAND_IN for each in variables if each and each[0] not in found}
    return found


def _entries(providers: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, entry in providers.items() if is_mapping(providers) else ():
        yield name, entry if is_mapping(entry) else {}


def _referred(value: object, name: str) -> Iterator[tuple[str, str]]:
    if is_mapping(value):
        # addresses come last, so that a variable that is one, whatever else it is, stands for one
        for key, inner in sorted(value.items(), key=lambda item: item[0] == "base_url"):
            yield from _referred(inner, key)
    elif is_list(value):
        for inner in value:
            yield from _referred(inner, name)
    elif isinstance(value, str):
        whole = REFERENCE.fullmatch(value)
        variables = [whole[1]] if whole else _INSIDE.findall(value)
        for variable in variables:
            yield variable, _STAND_IN_URL if name == "base_url" else _STAND_IN
