"""How a log record becomes a line: JSON for machines, text for people, the same keys in both."""

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Final

import msgspec

from ...schemas.plain import is_mapping
from .masking import Mask
from .vocabulary import CONTEXT

#: What the logging module itself puts on a record; `message` and `asctime` come from other formatters.
_OWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_LEVELS: Final = {"WARN": "warning", "FATAL": "critical"}

#: JSON's own scalars.
_Value = str | int | float | bool | None


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask
        self._encoder = msgspec.json.Encoder()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        line: dict[str, object] = {
            "ts": _time(record.created).replace("+00:00", "Z"),
            "level": _level(record),
            "logger": record.name,
            "event": self._mask(record.getMessage()),
        }
        other: dict[str, _Value] = {}
        for name, value in _extras(record):
            (line if name in CONTEXT else other)[name] = _plain(value, self._mask)
        if other:
            line["other"] = other
        line |= {name: self._mask(text) for name, text in _tracebacks(self, record)}
        # Lone surrogates can stand in a file name or a provider's text; they have no UTF-8.
        return _encode(self._encoder, line)


def _encode(encoder: msgspec.json.Encoder, line: dict[str, object]) -> str:
    try:
        return encoder.encode(line).decode()
    except UnicodeEncodeError:
        return encoder.encode(_without_surrogates(line)).decode()


def _without_surrogates(value: object) -> object:
    if is_mapping(value):
        return {_without_surrogates(name): _without_surrogates(inner) for name, inner in value.items()}
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


class TextLines(logging.Formatter):
    """One line for people; only a traceback takes more."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        context = "".join(f"  {name}={value}" for name, value in _extras(record))
        head = f"{_time(record.created)[11:23]} {_level(record):<8} {record.name}: {record.getMessage()}{context}"
        # A provider's text must not start a line of its own.
        head = head.replace("\r", "\\r").replace("\n", "\\n")
        return self._mask("\n".join([head, *(text for _, text in _tracebacks(self, record))]))


def _time(created: float) -> str:
    return dt.datetime.fromtimestamp(created, dt.UTC).isoformat(timespec="milliseconds")


def _level(record: logging.LogRecord) -> str:
    return _LEVELS.get(record.levelname, record.levelname.lower())


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    return ((name, value) for name, value in record.__dict__.items() if name not in _OWN)


def _plain(value: object, mask: Mask) -> _Value:
    return value if value is None or isinstance(value, bool | int | float) else mask(str(value))


def _tracebacks(formatter: logging.Formatter, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    if record.exc_info and record.exc_info[0] is not None:
        yield "exception", formatter.formatException(record.exc_info)
    if record.stack_info:
        yield "stack", formatter.formatStack(record.stack_info)
