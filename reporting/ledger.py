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
import msgspec

from ..schemas.alert import Alert, encode_alert
from ..schemas.usage import UsageEvent
from . import snapshot
from .check import Bad, Checked, check
from .errors import UnwritableLedgerError
from .migrate import migrate, transaction
from .opening import connect_patiently
from .sql import statement
from .sums import Question, Sum, sums

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


@dataclass(frozen=True, slots=True)
class Change:
    """An event that is new in the ledger, and the stand-in whose place it took."""

    event: UsageEvent
    replaced: UsageEvent | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What the ledger held at one moment."""

    #: Partition → where it is read from next.
    cursors: Mapping[str, str]
    #: Question by question.
    answers: Sequence[Sequence[Sum]]


#: Hears inside an append's transaction what it changes, and returns the alerts to be kept with it. It must not block.
Watch = Callable[[Sequence[Change]], Sequence[Alert]]


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

    def append(self, slices: Sequence[Slice], watch: Watch | None = None) -> Appended:
        """Append events and advance cursors, all or nothing.

        After a crash the source starts again at `cursors()`, and nothing is appended twice or left out. An event whose
        id is known is dropped, except that a real event takes the place of its `uncertain` stand-in. `watch` hears of
        what is changed, before it is. Raises `UnwritableLedgerError`.
        """
        raws = [raw for part in slices for raw in part.values]
        partitions = [part.partition for part in slices for _ in part.values]
        checked = check(raws)
        with self._lock, self._writing(), transaction(self._connection):
            inserted, replaced, unstorable = self._insert(checked)
            bad = [*checked.bad, *unstorable]
            self._refuse([(partitions[one.place], raws[one.place], one.reason) for one in bad])
            self._advance({part.partition: part.next_cursor for part in slices})
            if watch is not None and inserted:
                self._keep(watch(self._changes(checked, replaced, unstorable)))
        settled = len(replaced)
        return Appended(inserted - settled, settled, len(raws) - inserted - len(bad), len(bad))

    def survey(self, questions: Sequence[Question]) -> Survey:
        """Answer questions and tell the cursors, all as of one moment."""
        with self._lock:
            rows: list[tuple[str, str]] = self._run("cursors")
            return Survey(dict(rows), [sums(self._connection, question) for question in questions])

    def newest(self) -> int | None:
        """Return the time of the newest event, unix microseconds; None in an empty ledger."""
        with self._lock:
            newest: int | None = self._run("newest")[0][0]
        return newest

    def lives(self) -> int:
        """Return how many lives of the budgets' store are written down."""
        with self._lock:
            lives: int = self._run("epochs")[0][0]
        return lives

    def keep_epoch(self, epoch: str) -> None:
        """Write down a life of the store in which workers are about to spend. Raises `UnwritableLedgerError`."""
        with self._lock, self._writing():
            self._run("keep_epoch", {"epoch": epoch, "now": self._clock() // 1000})

    def unpublished(self) -> Mapping[str, bytes]:
        """Return the alerts that are not known to be published: id → value."""
        with self._lock:
            rows: list[tuple[str, str]] = self._run("unpublished")
        return {name: value.encode() for name, value in rows}

    def published(self, alert_ids: Sequence[str]) -> None:
        """Write down that alerts have been published. Raises `UnwritableLedgerError`."""
        with self._lock, self._writing():
            self._run("published", {"ids": list(alert_ids), "now": self._clock() // 1000})

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

    def _insert(self, checked: Checked) -> tuple[int, list[UsageEvent], list[Bad]]:
        """Return how many events were inserted, the stand-ins that went for it, and what cannot be stored."""
        if not checked.values:
            return 0, [], []
        since = {"since": max(0, checked.earliest_us - self._window_us)}
        self._run("stage", {"values": checked.values, "places": checked.places})
        unstorable: list[tuple[int]] = self._run("unstorable")
        self._run("known", since)
        replaced = self._settle(since)
        inserted: int = self._run("insert")[0][0]
        return inserted, replaced, [Bad(place, "DuckDB cannot store this event") for (place,) in unstorable]

    def _settle(self, since: Mapping[str, object]) -> list[UsageEvent]:
        done = self._connection.execute(statement("settle"), since)
        names = [column[0] for column in done.description or ()]
        rows = (dict(zip(names, row, strict=True)) for row in done.fetchall())
        return [msgspec.convert(row, UsageEvent) for row in rows]

    def _changes(self, checked: Checked, replaced: Sequence[UsageEvent], unstorable: Sequence[Bad]) -> list[Change]:
        stand_ins = {event.event_id: event for event in replaced}
        dropped: list[tuple[int]] = self._run("dropped")
        left_out = {place for (place,) in dropped} | {one.place for one in unstorable}
        return [
            Change(event, stand_ins.get(event.event_id))
            for place, event in zip(checked.places, checked.events, strict=True)
            if place not in left_out
        ]

    def _keep(self, alerts: Sequence[Alert]) -> None:
        if alerts:
            values = [encode_alert(alert).decode() for alert in alerts]
            self._run("keep_alerts", {"ids": [alert.alert_id for alert in alerts], "values": values})

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
