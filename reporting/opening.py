"""The one door to DuckDB: opens files, and translates what it says when it cannot."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import duckdb

from .errors import BusyLedgerError, ForeignLedgerError, LedgerError, MissingLedgerError

#: Extensions are never fetched from the network: everything used here is inside the wheel.
_OFFLINE: Final[Mapping[str, str]] = {"autoinstall_known_extensions": "false"}
_PAUSE: Final = 0.05
_PID: Final = re.compile(r"\(PID (\d+)\)")


def connect(path: Path, *, read_only: bool, options: Mapping[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """Open a file, or raise the `LedgerError` that says why not."""
    try:
        return duckdb.connect(str(path), read_only=read_only, config={**_OFFLINE, **(options or {})})
    except duckdb.Error as error:
        raise _translated(path, error) from error


def connect_patiently(
    path: Path,
    *,
    options: Mapping[str, str],
    patience: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> duckdb.DuckDBPyConnection:
    """Open a file for writing; while somebody else has it, try again for `patience` seconds.

    A reader that came before the recorder has the file for the moment of a report, and that is worth waiting for.
    """
    deadline = clock() + patience
    while True:
        try:
            return connect(path, read_only=False, options=options)
        except BusyLedgerError:
            if clock() >= deadline:
                raise
        sleep(_PAUSE)


def _translated(path: Path, error: duckdb.Error) -> LedgerError:
    """DuckDB has no error codes, so its words are looked at; the tests hold them to the release in the lock."""
    text = str(error)
    if "Could not set lock" in text:
        pid = _PID.search(text)
        who = f"process {pid[1]}" if pid else "another process"
        return BusyLedgerError(f"{path}: expected a file that nobody has open, but {who} has; stop it first")
    if "different configuration" in text:
        return BusyLedgerError(f"{path}: expected a file that nobody has open, but this process has; close it first")
    if "does not exist" in text:
        return MissingLedgerError(f"{path}: expected a ledger, found nothing; the recorder makes it when it starts")
    return ForeignLedgerError(f"{path}: expected a ledger that DuckDB {duckdb.__version__} can open: {text}")
