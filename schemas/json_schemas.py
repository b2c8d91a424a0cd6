"""JSON Schemas of what crosses the project's edges; `docs/schemas/` and `headgate config schema` are made from them."""

from collections.abc import Callable, Mapping
from inspect import cleandoc
from types import MappingProxyType
from typing import Final

import msgspec

from .alert import Alert
from .config import Config
from .plain import is_list, is_mapping
from .reply import Reply
from .request import Endpoint, Envelope
from .usage import UsageEvent

#: A JSON Schema: JSON, and as such without a narrower type.
Schema = dict[str, object]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: What stays outside when a schema becomes one of two.
_BESIDE: Final = ("title", "description", "default")
#: A reference to the environment stands in for any plain value.
_REFERENCE: Final = {"type": "string", "pattern": r"^os\.environ/|\$\{"}


def request_schema() -> Schema:
    """Return the schema of a request record's value; an OpenAI batch input line is one."""
    schema = _of_struct(Envelope, "A request")
    properties = _properties(schema, "Envelope")
    properties["body"] = {
        "type": "object",
        "description": "The body of the OpenAI endpoint in `url`, passed through as it is.",
        "properties": {"model": {"type": "string", "minLength": 1}, "stream": {"enum": [False, None]}},
        "required": ["model"],
    }
    properties["url"] = {"enum": list(Endpoint), "default": Endpoint.CHAT}
    properties["method"] = {"const": "POST", "default": "POST"}
    return schema


def reply_schema() -> Schema:
    """Return the schema of a reply record's value; its first four fields are OpenAI's batch output line."""
    return _of_struct(Reply, "A reply")


def usage_event_schema() -> Schema:
    """Return the schema of a usage record's value."""
    return _of_struct(UsageEvent, "A usage event")


def alert_schema() -> Schema:
    """Return the schema of an alert record's value."""
    return _of_struct(Alert, "An alert")


def config_schema() -> Schema:
    """Return the schema of `headgate.yaml`, as editors take it."""
    schema = Config.model_json_schema()
    return {"$schema": _DIALECT, **_with_references(schema)}


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = MappingProxyType(
    {
        "request": request_schema,
        "reply": reply_schema,
        "usage-event": usage_event_schema,
        "alert": alert_schema,
        "config": config_schema,
    }
)


def _of_struct(kind: type[msgspec.Struct], title: str) -> Schema:
    schema = {name: _dedented(value) for name, value in msgspec.json.schema(kind).items()}
    return {"$schema": _DIALECT, "title": title, **schema}


def _dedented(value: object) -> object:
    """Take off the margin of docstrings, which Python keeps up to 3.12: a schema must not depend on who wrote it."""
    if is_mapping(value):
        return {
            name: cleandoc(inner) if name == "description" and isinstance(inner, str) else _dedented(inner)
            for name, inner in value.items()
        }
    return [_dedented(each) for each in value] if is_list(value) else value


def _properties(schema: Schema, name: str) -> Schema:
    """Return the properties of a definition, to be refined where the Python type says less than the reader checks."""
    return _part(_part(_part(schema, "$defs"), name), "properties")


def _part(schema: Schema, name: str) -> Schema:
    part = schema[name]
    if not is_mapping(part):
        raise TypeError(f"expected {name} to hold more of the schema, got {part!r:.200}")
    return part


def _with_references(schema: Schema) -> Schema:
    """Let everything that is narrower than any text also be a reference to the environment."""
    inner = {name: _inside(value) for name, value in schema.items()}
    if not (inner.get("type") in {"integer", "number", "boolean"} or "enum" in inner or "pattern" in inner):
        return inner
    beside: Schema = {name: inner.pop(name) for name in _BESIDE if name in inner}
    return {"anyOf": [inner, _REFERENCE], **beside}


def _inside(value: object) -> object:
    if is_mapping(value):
        return _with_references(value)
    return [_inside(each) for each in value] if is_list(value) else value
