"""The ledger, open for reading: the file itself while nobody owns it, the newest snapshot otherwise."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from .errors import BusyLedgerError, MissingLedgerError
from .migrate import check_version, version_of
from .opening import connect
from .snapshot import snapshot_path


@dataclass(frozen=True, slots=True)
class Reader:
    """An open file and what to tell about it. Close it soon: while the ledger itself is read, no recorder can start."""

    connection: duckdb.DuckDBPyConnection
    #: The file that is open.
    path: Path
    #: Seconds since the snapshot was made; None if the ledger itself is open.
    age_seconds: float | None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back. Closing twice does nothing."""
        self.connection.close()

    def describe(self) -> str:
        """Say which file is read and how old its contents are."""
        if self.age_seconds is None:
            return str(self.path)
        return f"{self.path}, a snapshot of {self.age_seconds:.0f} s ago"

    def rows(self, text: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(text, values).fetchall()


def open_for_reading(path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> Reader:
    """Open the ledger at `path`, or its newest snapshot if somebody owns the ledger.

    `clock` returns unix seconds. Raises `MissingLedgerError`, `ForeignLedgerError`, and `BusyLedgerError` if the ledger
    is owned and has no snapshot yet.
    """
    file = Path(path)
    try:
        reader = Reader(connect(file, read_only=True), file, None)
    except (BusyLedgerError, MissingLedgerError) as error:
        reader = _snapshot(file, error, clock)
    try:
        check_version(version_of(reader.connection))
    except BaseException:
        reader.close()
        raise
    return reader


def _snapshot(file: Path, why: BusyLedgerError | MissingLedgerError, clock: Callable[[], float]) -> Reader:
    copy = snapshot_path(file)
    try:
        made = copy.stat().st_mtime
        return Reader(connect(copy, read_only=True), copy, max(0.0, clock() - made))
    except (FileNotFoundError, MissingLedgerError):
        raise why from None
