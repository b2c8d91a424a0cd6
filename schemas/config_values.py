"""What the config file can spell beside plain YAML: durations, brokers, passwords in URLs."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from .plain import is_list

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_BROKER: Final = re.compile(r"[^\s,:/]+:\d{1,5}|\[[0-9A-Fa-f:.]+\]:\d{1,5}")
#: What is between `scheme://user:` and `@`.
_PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@")


def wrong(expected: str, given: str) -> PydanticCustomError:
    """Make the error that says both what was expected and what came, each on its own."""
    # Through the context, because a template would read braces in `given` as places of its own.
    return PydanticCustomError("headgate", "expected {expected}, got {given}", {"expected": expected, "given": given})


def seconds(value: object) -> object:
    """Read a duration: a number of seconds, or a text like `500ms`, `30s`, `5m`, `24h`, `7d`."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise wrong("seconds, or a duration like 500ms, 30s, 5m, 24h or 7d", repr(value))
    return float(match[1]) * _UNITS[match[2] or "s"]


Seconds = Annotated[
    float,
    Field(gt=0),
    BeforeValidator(seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)?$"},
            ]
        }
    ),
]


def brokers(value: object) -> object:
    """Read `host:port` of some brokers, also as one text with commas: Kafka's own tools write them so."""
    listed: object = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    for broker in listed if is_list(listed) else ():
        if not isinstance(broker, str) or _BROKER.fullmatch(broker) is None:
            raise wrong("host:port of a broker, like localhost:9092", repr(broker))
    return listed


Brokers = Annotated[
    list[str],
    Field(min_length=1),
    BeforeValidator(brokers),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}]}),
]


def without_password(text: str) -> str:
    """Return `text` with the password of every URL in it masked.

    >>> without_password("redis://headgate:hunter2@cache:6379/0")
    'redis://headgate:***@cache:6379/0'
    """
    return _PASSWORD.sub(r"\1:***@", text)


def password_of(url: str) -> str | None:
    """Return the password that stands in a URL, as it stands there."""
    match = _PASSWORD.search(url)
    return None if match is None else match[2]
