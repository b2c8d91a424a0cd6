"""Sets the standard library's logging up for a process: one handler, one format, for us and for our libraries."""

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Literal, Self, TextIO

from .log_lines import JsonLines, TextLines
from .masking import Mask

How = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]

#: Libraries that bring handlers of their own; their lines become ours.
_LIBRARIES: Final = ("faststream", "faststream.access.kafka", "aiokafka", "redis", "push_response", "aiohttp", "httpx")
_OURS: Final = "headgate"


class _Handler(logging.StreamHandler[TextIO]):
    """Counts what it writes, by level: a metric that needs no parsing of lines."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.written: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.written[record.levelname.lower()] += 1
        super().emit(record)


class Logs:
    """The logging of one process, from `start` to `stop`; also a context manager.

    A level that is off costs what `Logger.isEnabledFor` costs: one dictionary look-up.
    """

    def __init__(
        self,
        how: How = "auto",
        level: Level = "info",
        secrets: Iterable[str] = (),
        stream: TextIO | None = None,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        json = how == "json" or (how == "auto" and not self._stream.isatty())
        mask = self._mask = Mask(secrets)
        self._handler = _Handler(self._stream)
        self._handler.setFormatter(JsonLines(mask) if json else TextLines(mask))
        self._level = level.upper()
        self._before: list[_Before] = []

    def learn(self, secret: str) -> None:
        """Keep a secret out of sight that was not known at the start."""
        self._mask.learn(secret)

    @property
    def written(self) -> Mapping[str, int]:
        """Lines written so far, by level."""
        return self._handler.written

    def start(self) -> None:
        """Take logging over. What was set before comes back with `stop`."""
        for name in ("", _OURS, *_LIBRARIES):
            self._before.append(_Before(logging.getLogger(name)))
        root = logging.getLogger()
        root.handlers[:] = [self._handler]
        root.setLevel(logging.WARNING)
        logging.getLogger(_OURS).setLevel(self._level)
        self.adopt()
        logging.captureWarnings(True)

    def adopt(self) -> None:
        """Route the libraries' loggers into ours; again, if a library was first used after `start`."""
        for name in _LIBRARIES:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)

    def stop(self) -> None:
        """Give logging back as it was."""
        logging.captureWarnings(False)
        self._handler.flush()
        while self._before:
            self._before.pop().restore()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


class _Before:
    """What a logger was like."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._was = (list(logger.handlers), logger.level, logger.propagate)

    def restore(self) -> None:
        handlers, level, propagate = self._was
        self._logger.handlers[:] = handlers
        self._logger.setLevel(level)
        self._logger.propagate = propagate
