"""Fill the tables of the docs from the code: `python docs/generate_tables.py`. A test holds the files to it.

A table stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; all else on the pages is written by hand.
"""

import datetime as dt
import re
import types
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from headgate.routing.adoption.litellm.format import SECTIONS as LITELLM
from headgate.routing.adoption.names import gaps
from headgate.routing.adoption.portkey.format import SECTIONS as PORTKEY
from headgate.routing.adoption.section import Section
from headgate.routing.providers.catalogue import catalogue
from headgate.schemas.config import Config
from headgate.schemas.config_values import brokers, seconds
from headgate.workers.ops.catalogue import CATALOGUE, Part
from headgate.workers.ops.vocabulary import ALWAYS, CONTEXT, WRITTEN

_DOCS = Path(__file__).parent
_PLAIN: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Decimal: "number",
    SecretStr: "secret",
    dt.datetime: "time",
}


def metrics_table(part: Part) -> str:
    """Return the metrics of one process."""
    rows = [
        (f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.meaning)
        for metric in CATALOGUE
        if metric.part is part
    ]
    return _table(("Name", "Kind", "Labels", "Meaning"), rows)


def log_table() -> str:
    """Return the keys of log lines."""
    rows = [(f"`{key}`", "always", meaning) for key, meaning in ALWAYS.items()]
    rows += [(f"`{key}`", "where it applies", meaning) for key, meaning in CONTEXT.items()]
    rows += [(f"`{key}`", "written by the formatter", meaning) for key, meaning in WRITTEN.items()]
    return _table(("Key", "When", "Meaning"), rows)


def providers_table() -> str:
    """Return the providers that are known by id."""
    rows = [
        (
            f"`{name}`",
            f"`{row.wire}`",
            ", ".join(row.endpoints),
            ", ".join(f"`{key}`" for key in row.keys),
            f"`{row.base_url}`",
            row.confidence,
        )
        for name, row in sorted(catalogue().items())
    ]
    return _table(("Id", "Wire", "Endpoints", "Variables", "Base URL", "Trust"), rows)


def names_tables(sections: tuple[type[Section], ...]) -> str:
    """Return what becomes of each name of a format: a section of the page for each of its mappings."""
    return "\n\n".join(map(_names_section, sections))


def _names_section(section: type[Section]) -> str:
    told = {name: field.description or "" for name, field in section.model_fields.items()}
    rows = [(f"`{name}`", becomes) for name, becomes in told.items() if name not in section.passed]
    if section.passed:
        rows.append((", ".join(f"`{name}`" for name in sorted(section.passed)), section.passed_to))
    rows += [
        (", ".join(f"`{name}`" for name in gap.names), f"**no counterpart**: {gap.instead}")
        for gap in gaps()[section.source]
        if gap.section == section.section
    ]
    heading = (
        f"### `{section.section}` of {_SPELT[section.source]}" if section.section else "### The whole file of LiteLLM"
    )
    return f"{heading}\n\n{_table(('Name', 'Becomes'), rows)}"


_SPELT = {"litellm": "LiteLLM", "portkey": "Portkey"}


def config_reference() -> str:
    """Return every field of the config, one section for each kind of part, with all the places where it stands."""
    places: dict[type[BaseModel], list[str]] = {}
    for path, part in _parts("", Config):
        places.setdefault(part, []).append(path)
    return "\n\n".join(_section(paths, part) for part, paths in places.items())


def _parts(
    path: str, part: type[BaseModel], above: tuple[type[BaseModel], ...] = ()
) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield all parts with their paths; what may stand inside of itself is followed once."""
    yield path, part
    for name, field in part.model_fields.items() if part not in above else ():
        for inner, steps in _inner_parts(field.annotation):
            yield from _parts(f"{path}.{name}{steps}".lstrip("."), inner, (*above, part))


def _inner_parts(annotation: object, steps: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, steps
    elif get_origin(annotation) is list:
        yield from _inner_parts(get_args(annotation)[0], f"{steps}[]")
    elif get_origin(annotation) is dict:
        yield from _inner_parts(get_args(annotation)[1], f"{steps}.<id>")
    else:
        for each in get_args(annotation):
            yield from _inner_parts(each, steps)


def _section(paths: list[str], part: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", _kind_of(field), _default_of(field), (field.description or "").strip())
        for name, field in part.model_fields.items()
    ]
    heading = "### " + (", ".join(f"`{path}`" for path in paths) if paths[0] else "The whole file")
    return f"{heading}\n\n{(part.__doc__ or '').strip()}\n\n{_table(('Name', 'Kind', 'Default', 'Meaning'), rows)}"


def _kind_of(field: FieldInfo) -> str:
    readers = [getattr(each, "func", None) for each in field.metadata]
    if seconds in readers:
        return "duration"
    return "list of `host:port`" if brokers in readers else _name_of(field.annotation)


def _name_of(annotation: object) -> str:
    inner = get_args(annotation)
    match get_origin(annotation):
        case None:
            return "mapping" if _is_part(annotation) else _PLAIN[annotation]
        case found if found is Annotated:
            return _name_of(inner[0])
        case found if found is Literal:
            return ", ".join(f"`{value}`" for value in inner)
        case found if found is list:
            return "list" if _is_part(inner[0]) else f"list of {_name_of(inner[0])}s"
        case found if found is dict:
            return "mapping by id" if _is_part(inner[1]) else "mapping"
        case _:  # a union; None is what is absent
            return " or ".join(_name_of(each) for each in inner if each is not types.NoneType)


def _is_part(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ({}, []):
        return ""
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else _number(value)}`"


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        f"| {' | '.join(' '.join(cell.split()).replace('|', '&#124;') for cell in line)} |" for line in lines
    )


#: Page → the name of each of its tables → what fills it.
PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "metrics.md": {part.name.lower(): partial(metrics_table, part) for part in Part},
    "config.md": {"reference": config_reference},
    "operations/running.md": {"log keys": log_table},
    "providers.md": {"catalogue": providers_table},
    "adoption.md": {"litellm": partial(names_tables, LITELLM), "portkey": partial(names_tables, PORTKEY)},
}


def filled(page: str) -> str:
    """Return a page with its tables as they must be."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    for name, make in PAGES[page].items():
        between = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        table = make()
        text, found = between.subn(partial(_put, table), text)
        if found != 1:
            raise SystemExit(f"docs/{page}: expected one place for {name}, got {found}")
    return text


def _put(table: str, place: re.Match[str]) -> str:
    return f"{place[1]}\n{table}\n\n{place[2]}"


if __name__ == "__main__":
    for each in PAGES:
        (_DOCS / each).write_text(filled(each), encoding="utf-8")
        print(f"docs/{each}")
