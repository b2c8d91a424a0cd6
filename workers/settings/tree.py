"""From YAML text to plain values that know where they stand.

Scalars follow YAML 1.2's core schema, as JSON does: `no` and `12:30` are texts. A name may stand once in a mapping.
Anchors, aliases and merges (`<<`) work, and what they grow into is bounded.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol, cast

import yaml
from yaml.composer import Composer

from ...schemas.plain import is_list, is_mapping
from .errors import ConfigError, Place, Position, dotted

_DEEPEST: Final = 32
#: Values that aliases and merges repeat: far above any real file, far below what hurts.
_MOST_REPEATED: Final = 50_000

_NULL: Final = "tag:yaml.org,2002:null"
_BOOL: Final = "tag:yaml.org,2002:bool"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_TEXT: Final = "tag:yaml.org,2002:str"

_READ: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {_TEXT: str, _INT: int, _FLOAT: float, _NULL: lambda _: None, _BOOL: lambda text: text == "true"}
)


class _Loader(Composer, yaml.CSafeLoader):
    """libyaml's parser with YAML 1.2's scalars.

    The composer is PyYAML's own: libyaml's recurses in C, and a file of 100,000 brackets ends the process.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way to declare them

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


class _Resolver(Protocol):
    """The part of a loader whose types PyYAML's stubs leave out."""

    def add_implicit_resolver(self, tag: str, regexp: re.Pattern[str], first: list[str]) -> None: ...


_resolver = cast("_Resolver", _Loader)
_resolver.add_implicit_resolver(_NULL, re.compile(r"^(~|null|)$"), ["~", "n", ""])
_resolver.add_implicit_resolver(_BOOL, re.compile(r"^(true|false)$"), ["t", "f"])
_resolver.add_implicit_resolver(_INT, re.compile(r"^-?(0|[1-9][0-9]{0,17})$"), list("-0123456789"))
_resolver.add_implicit_resolver(
    _FLOAT, re.compile(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"), list("-0123456789")
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The values of a file, and where each value, and each name, stands."""

    data: object = field(default_factory=dict[str, object])
    values: dict[Place, Position] = field(default_factory=dict[Place, Position])
    names: dict[Place, Position] = field(default_factory=dict[Place, Position])

    def position(self, place: Place) -> Position | None:
        """Return where the value at `place` stands, or the nearest thing around it that the file has."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.values:
                return self.values[place[:length]]
        return None


def read_tree(text: str, source: str) -> tuple[Tree, list[ConfigError]]:
    """Read one YAML document. Whatever is wrong is told; what could be read is returned beside it."""
    walk = _Walk(source)
    try:
        root = yaml.compose(text, Loader=_Loader)
        data = None if root is None else walk.value(root, ())
    except yaml.YAMLError as error:
        return Tree(), [_syntax_error(error, source)]
    except _TooMuch as error:
        return Tree(), [*walk.errors, error.told]
    except RecursionError:  # in the composer, or in a mapping that merges itself
        return Tree(), [ConfigError(source, None, "", f"at most {_DEEPEST} levels", "many more")]
    return Tree({} if data is None else data, walk.values, walk.names), walk.errors


def _syntax_error(error: yaml.YAMLError, source: str) -> ConfigError:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ConfigError(source, None, "", "YAML text", "a character that YAML does not allow")
    problem = error.problem or "something else"
    if "alias" in problem or "anchor" in problem or "tag" in problem:
        # An unquoted password that starts with * & or ! looks like one of these: do not repeat it.
        return ConfigError(
            source, _position(error.problem_mark), "", "YAML", "an alias or tag that is not known", _QUOTE_IT
        )
    return ConfigError(source, _position(error.problem_mark), "", "YAML", f"what YAML calls: {problem}")


_QUOTE_IT: Final = "a text that starts with * & or ! needs quotes"


def _position(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


class _TooMuch(Exception):  # noqa: N818 - raised and caught in this file only
    def __init__(self, told: ConfigError) -> None:
        super().__init__(str(told))
        self.told = told


class _Walk:
    """One pass over the nodes, which may be a graph: aliases are followed, within bounds."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: set[int] = set()
        self._repeated = 0
        self.values: dict[Place, Position] = {}
        self.names: dict[Place, Position] = {}
        self.errors: list[ConfigError] = []

    def value(self, node: yaml.Node, place: Place) -> object:
        self._count(node, place)
        self.values[place] = _position(node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry, (*place, nr)) for nr, entry in enumerate(node.value)]
        return self._scalar(node, place)

    def _count(self, node: yaml.Node, place: Place) -> None:
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        if len(place) > _DEEPEST:
            raise _TooMuch(self._error(node, place[:3], f"at most {_DEEPEST} levels", "more"))
        if self._repeated > _MOST_REPEATED:
            raise _TooMuch(self._error(node, place[:3], f"aliases that repeat {_MOST_REPEATED} values", "more"))

    def _scalar(self, node: yaml.Node, place: Place) -> object:
        try:
            return _READ[node.tag](str(node.value))
        except (KeyError, ValueError):  # a tag of its own, or one that its text does not fit
            self.errors.append(self._error(node, place, "a value without a tag", "a tag", _QUOTE_IT))
            return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: list[tuple[yaml.ScalarNode, yaml.Node]] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.errors.append(self._error(key, place, "a name", "a list or a mapping"))
            elif key.value == "<<" and not key.style:
                merged |= self._merge(value, place)
            else:
                own.append((key, value))
        return merged | self._named(own, place)  # what the mapping says itself wins over what it merges

    def _named(self, pairs: list[tuple[yaml.ScalarNode, yaml.Node]], place: Place) -> dict[str, object]:
        named: dict[str, object] = {}
        first: dict[str, int] = {}
        for key, value in pairs:
            name = str(key.value)
            if name in first:
                given = f"{name} again, as in line {first[name]}"
                self.errors.append(self._error(key, (*place, name), "each name once", given))
                continue
            first[name] = key.start_mark.line + 1
            named[name] = self.value(value, (*place, name))
            self.names[*place, name] = _position(key.start_mark)
        return named

    def _merge(self, node: yaml.Node, place: Place) -> dict[str, object]:
        sources: list[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in reversed(sources):  # the first named wins
            self._count(source, place)
            if isinstance(source, yaml.MappingNode):
                merged |= self._mapping(source, place)
            else:
                self.errors.append(self._error(source, place, "a mapping to merge", "something else"))
        return merged

    def _error(self, node: yaml.Node, place: Place, expected: str, given: str, hint: str | None = None) -> ConfigError:
        return ConfigError(self._source, _position(node.start_mark), dotted(place), expected, given, hint)


def places(data: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    """Yield every value below and at `data` with its place."""
    yield place, data
    if is_mapping(data):
        for name, value in data.items():
            yield from places(value, (*place, str(name)))
    elif is_list(data):
        for nr, value in enumerate(data):
            yield from places(value, (*place, nr))
