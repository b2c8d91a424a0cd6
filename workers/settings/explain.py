"""From pydantic's errors to the project's: where in the file, what was expected, what was given, and a guess."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...schemas.config_values import without_password
from .errors import ConfigError, Place, dotted
from .references import covering
from .shape import is_secret, names_at
from .tree import Tree

_LONGEST: Final = 60
_COMMAND_LINE: Final = "command line"

_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
)

#: pydantic's error type → what was expected; the texts may use the names of the error's context.
_EXPECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "a value",
        "string_type": "a text",
        "string_too_short": "a text of at least {min_length} characters",
        "string_too_long": "a text of at most {max_length} characters",
        "string_pattern_mismatch": "a text that matches {pattern}",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "int_type": "a whole number",
        "int_parsing": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "finite_number": "a finite number",
        "decimal_type": "a number",
        "decimal_parsing": "a number",
        "greater_than": "more than {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "less than {lt}",
        "less_than_equal": "at most {le}",
        "literal_error": "{expected}",
        "too_short": "at least {min_length} of them",
        "model_type": "a mapping of names to values",
        "model_attributes_type": "a mapping of names to values",
        "dict_type": "a mapping of names to values",
        "list_type": "a list",
    }
)

#: Where a whole mapping was wanted, a text in its place may well be the secret that belongs inside.
_WANTS_KIND: Final = frozenset({"model_type", "model_attributes_type", "dict_type", "list_type"})


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that is known about where a config's values come from."""

    name: str
    tree: Tree
    #: Place → the text with the reference; what it leads to is never shown.
    references: Mapping[Place, str]
    #: Place → value, from the command line.
    overrides: Mapping[Place, object]


def explain(error: ValidationError, root: type[BaseModel], source: Source) -> list[ConfigError]:
    """Return one `ConfigError` for each of pydantic's."""
    return [_explain(detail, root, source) for detail in error.errors(include_url=False)]


def _explain(detail: ErrorDetails, root: type[BaseModel], source: Source) -> ConfigError:
    place = tuple(detail["loc"])
    unknown = detail["type"] == "extra_forbidden"
    expected, given, hint = _unknown_name(place, root) if unknown else _wrong_value(detail, place, root, source)
    if covering(source.overrides, place) is not None:
        return ConfigError(_COMMAND_LINE, None, dotted(place), expected, given, hint)
    position = source.tree.names.get(place) if unknown else source.tree.position(place)
    return ConfigError(source.name, position, dotted(place), expected, given, hint)


def _unknown_name(place: Place, root: type[BaseModel]) -> tuple[str, str, str | None]:
    names, given = names_at(root, place[:-1]), str(place[-1])
    return f"one of {', '.join(names)}", given, _guess(given, names)


def _wrong_value(
    detail: ErrorDetails, place: Place, root: type[BaseModel], source: Source
) -> tuple[str, str, str | None]:
    expected, own_given = _expected(detail)
    value = None if detail["type"] == "missing" else detail["input"]
    reference = covering(source.references, place)
    if reference is not None:
        return expected, f"what {without_password(source.references[reference])} holds, which is not shown", None
    if is_secret(root, place):
        return expected, f"{_kind(value)}, which is not shown", None
    hint = _literal_hint(expected, value) if detail["type"] == "literal_error" else _text_hint(detail["type"], value)
    show = _kind if detail["type"] in _WANTS_KIND else _show
    return expected, own_given or show(value), hint


def _expected(detail: ErrorDetails) -> tuple[str, str | None]:
    context = detail.get("ctx", {})
    if detail["type"] == "headgate":
        return str(context["expected"]), without_password(str(context["given"]))
    template = _EXPECTED.get(detail["type"])
    if template is None:
        return f"what pydantic asks for: {detail['msg']}", None
    return template.format_map({name: _plain(value) for name, value in context.items()}), None


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _kind(value: object) -> str:
    return "nothing" if value is None else _KINDS.get(type(value), "something else")


def _show(value: object) -> str:
    """Show what was given. Mappings and lists are only named: a secret may stand in them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        text = without_password(value)
        return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
    return _kind(value)


def _guess(given: str, names: tuple[str, ...]) -> str | None:
    close = difflib.get_close_matches(given.lower().replace("-", "_"), names, n=1)
    return f"did you mean {close[0]}?" if close else None


def _literal_hint(expected: str, value: object) -> str | None:
    return _guess(value, tuple(re.findall(r"'([^']*)'", expected))) if isinstance(value, str) else None


_HINTS: Final[Mapping[str, Callable[[object], str | None]]] = MappingProxyType(
    {"string_type": lambda value: "put it in quotes" if isinstance(value, int | float) else None}
)


def _text_hint(kind: str, value: object) -> str | None:
    hint = _HINTS.get(kind)
    return None if hint is None else hint(value)
