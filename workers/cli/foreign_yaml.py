"""Reads the YAML or JSON of other gateways as they read it: YAML 1.1, where `True` and `yes` are true."""

from collections.abc import Callable
from typing import Final, Protocol, cast

import yaml
from yaml.composer import Composer

from ...schemas.plain import is_list, is_mapping

#: Values, aliases followed: far above any real file, far below what hurts.
_MOST: Final = 200_000
_LARGEST: Final = 8 * 1024 * 1024
_TIME: Final = "tag:yaml.org,2002:timestamp"
_MAP: Final = "tag:yaml.org,2002:map"


class Unreadable(Exception):  # noqa: N818 - said of the text, not of us
    """Why a text is no config; the message says what was expected, and where."""


class _Loader(Composer, yaml.CSafeLoader):
    """Dates stay texts, names are texts and stand once. The composer is PyYAML's own, which cannot end the process."""

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


class _Constructor(Protocol):
    """The part of a loader whose types PyYAML's stubs leave out."""

    def construct_object(self, node: yaml.Node, *, deep: bool) -> object: ...


def _time(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, object]:
    _check(node)
    loader.flatten_mapping(node)
    construct = cast("_Constructor", loader).construct_object
    return {str(key.value): construct(value, deep=True) for key, value in node.value}


def _check(node: yaml.MappingNode) -> None:
    """Insist on names that are texts and stand once: of two, PyYAML would silently take the last."""
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a name that is a list or a mapping", problem_mark=key.start_mark)
        name = str(key.value)
        if name in seen:
            raise yaml.MarkedYAMLError(problem=f"the name {name} a second time", problem_mark=key.start_mark)
        seen.add(name)


_add = cast("Callable[[str, Callable[..., object]], None]", _Loader.add_constructor)
_add(_TIME, _time)
_add(_MAP, _mapping)


def read_foreign(text: str) -> object:
    """Return the values of a text; raises `Unreadable`."""
    if len(text) > _LARGEST:
        raise Unreadable(f"expected at most {_LARGEST} characters, got {len(text)}")
    try:
        data: object = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is derived from the safe loader
        if _count(data, 0) > _MOST:
            raise Unreadable(f"expected at most {_MOST} values, got more")
    except yaml.MarkedYAMLError as error:
        where = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        raise Unreadable(f"{where}expected YAML or JSON, got {_problem(error)}") from None
    except yaml.YAMLError:
        raise Unreadable("expected YAML or JSON, got a character that neither allows") from None
    except (RecursionError, ValueError):
        raise Unreadable("expected YAML or JSON, got values that cannot be read") from None
    return data


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "something else"
    # an unquoted password that starts with * & or ! looks like one of these: it is not repeated
    return "an alias or tag that is not known" if {"alias", "anchor", "tag"} & set(problem.split()) else problem


def _count(value: object, so_far: int) -> int:
    so_far += 1
    inner = value.values() if is_mapping(value) else value if is_list(value) else ()
    for each in inner:
        if so_far > _MOST:
            break
        so_far = _count(each, so_far)
    return so_far
