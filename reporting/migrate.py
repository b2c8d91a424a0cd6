"""Bring a file to the schema of this release, all in one transaction: a file is of one release, whoever is killed."""

from collections.abc import Generator
from contextlib import contextmanager, suppress

import duckdb

from .errors import ForeignLedgerError
from .sql import migrations, statement


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Commit what happens inside, or nothing of it."""
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a commit that failed has ended the transaction by itself
            connection.rollback()
        raise


def migrate(connection: duckdb.DuckDBPyConnection, now_us: int) -> None:
    """Apply the migrations that the file has not seen."""
    with transaction(connection):
        connection.execute(statement("schema_version"))
        known = version_of(connection)
        check_version(known, at_most_missing=True)
        for version, file in enumerate(migrations(), start=1):
            if version > known:
                connection.execute(file.read_text(encoding="utf-8"))
                connection.execute(statement("migrate"), {"version": version, "name": file.name, "applied": now_us})


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the version of the schema in the file; raise `ForeignLedgerError` if it has none."""
    try:
        rows: list[tuple[int]] = connection.execute(statement("migrated")).fetchall()
    except duckdb.CatalogException as error:
        raise ForeignLedgerError(
            "expected a Headgate ledger, found a DuckDB file without its tables; check ledger.path"
        ) from error
    return rows[0][0]


def check_version(version: int, *, at_most_missing: bool = False) -> None:
    """Raise `ForeignLedgerError` unless this release can use the file; `at_most_missing`: it is about to migrate it."""
    newest = len(migrations())
    if version > newest:
        raise ForeignLedgerError(
            f"expected a ledger of schema version {newest} or older, found {version}; use a newer Headgate"
        )
    if version < newest and not at_most_missing:
        raise ForeignLedgerError(
            f"expected a ledger of schema version {newest}, found {version}; start the recorder once to bring it up"
        )
