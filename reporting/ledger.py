"""The ledger, open for writing: one process owns the file, appends exactly once, and publishes copies for readers."""

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self
from uuid import uuid4

import duckdb

from . import snapshot
from .check import Bad, check
from .errors import UnwritableLedgerError
from .migrate import migrate, transaction
from .opening import connect_patiently
from .sql import statement

_DAY_US: Final = 86_400_000_000


class Slice(Protocol):
    """Consecutive values of one partition of the usage topic, and where the next one starts."""

    @property
    def partition(self) -> str:
        """Names topic and partition, or stream."""
        ...

    @property
    def values(self) -> Sequence[bytes]:
        """Usage events as JSON, or whatever else lies on the topic."""
        ...

    @property
    def next_cursor(self) -> str:
        """Opaque here; comes back from `Ledger.cursors`."""
        ...


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the values of one append; the four counts add up to their number."""

    #: Events that are new.
    rows: int = 0
    #: Real events that took the place of their `uncertain` stand-ins.
    settled: int = 0
    #: Events that are in the ledger already, or came twice, and stand-ins whose real events are known.
    duplicates: int = 0
    #: Values that are no events; they are kept in `bad_event`.
    bad: int = 0


class Ledger:
    """Owns the file while it is open. Its methods block; they may be called from any thread, one at a time."""

    def __init__(
        self, path: Path, connection: duckdb.DuckDBPyConnection, window_days: int, clock: Callable[[], int]
    ) -> None:
        self.path: Final = path
        self._connection = connection
        self._window_us = window_days * _DAY_US
        self._clock = clock
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        patience: float = 5.0,
        window_days: int = 2,
        clock: Callable[[], int] = time.time_ns,
    ) -> Self:
        """Open or create the ledger at `path`, wait at most `patience` seconds for whoever has it open.

        `window_days` is how far apart in time two events with one id may be and still be known for the same.
        `clock` returns unix nanoseconds. Raises `BusyLedgerError` or `ForeignLedgerError`.
        """
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        options = {
            "storage_compatibility_version": "v1.5.0",
            "threads": "2",
            # DuckDB shares a file among equal connections of one process; a name of its own makes this one unequal.
            "custom_user_agent": f"headgate-{uuid4().hex}",
        }
        connection = connect_patiently(file, options=options, patience=patience)
        try:
            migrate(connection, clock() // 1000)
            snapshot.sweep(file)
        except BaseException:
            connection.close()
            raise
        return cls(file, connection, window_days, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger {self.path}>"

    def cursors(self) -> Mapping[str, str]:
        """Return where each partition is read from next."""
        with self._lock:
            rows: list[tuple[str, str]] = self._run("cursors")
        return dict(rows)

    def append(self, slices: Sequence[Slice]) -> Appended:
        """Append events and advance cursors, all or nothing.

        After a crash the source starts again at `cursors()`, and nothing is appended twice or left out. An event whose
        id is known is dropped, except that a real event takes the place of its `uncertain` stand-in. Raises
        `UnwritableLedgerError`.
        """
        raws = [raw for part in slices for raw in part.values]
        partitions = [part.partition for part in slices for _ in part.values]
        checked = check(raws)
        with self._lock, self._writing(), transaction(self._connection):
            inserted, settled, unstorable = self._insert(checked.values, checked.places, checked.earliest_us)
            bad = [*checked.bad, *unstorable]
            self._refuse([(partitions[one.place], raws[one.place], one.reason) for one in bad])
            self._advance({part.partition: part.next_cursor for part in slices})
        return Appended(inserted - settled, settled, len(raws) - inserted - len(bad), len(bad))

    def publish(self) -> Path:
        """Copy the ledger for readers and return the copy's path; nothing is appended meanwhile.

        Raises `SnapshotError` if there is no copy, `UnwritableLedgerError` if the ledger itself cannot be written.
        """
        with self._lock:
            with self._writing():
                self._connection.execute("CHECKPOINT")
            return snapshot.publish(self.path, uuid4().hex)

    def close(self) -> None:
        """Give the file back. Closing twice does nothing."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Generator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise UnwritableLedgerError(
                f"{self.path}: expected to write the ledger: {error}; nothing is lost: make room and start again"
            ) from error

    def _insert(self, values: list[bytes], places: list[int], earliest_us: int) -> tuple[int, int, list[Bad]]:
        if not values:
            return 0, 0, []
        since = {"since": max(0, earliest_us - self._window_us)}
        self._run("stage", {"values": values, "places": places})
        unstorable: list[tuple[int]] = self._run("unstorable")
        self._run("known", since)
        settled: int = self._run("settle", since)[0][0]
        inserted: int = self._run("insert")[0][0]
        return inserted, settled, [Bad(place, "DuckDB cannot store this event") for (place,) in unstorable]

    def _refuse(self, bad: Sequence[tuple[str, bytes, str]]) -> None:
        if not bad:
            return
        partitions, raws, reasons = (list(column) for column in zip(*bad, strict=True))
        seen = self._clock() // 1000
        self._run("refuse", {"partitions": partitions, "raws": raws, "reasons": reasons, "seen": seen})

    def _advance(self, cursors: Mapping[str, str]) -> None:
        if cursors:
            self._run("advance", {"partitions": list(cursors), "cursors": list(cursors.values())})

    def _run(self, name: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement(name), values).fetchall()
