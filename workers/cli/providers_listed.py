"""What `headgate providers list` and `show` say."""

from collections.abc import Iterator
from typing import Final

import click
import msgspec

from ...reporting.tables import Column, Format, Kind, Table, render
from ...routing.providers.catalogue import Row, catalogue, like, row_of
from ...schemas.plain import is_list, is_mapping
from .exits import Status
from .options import BadUsage

_COLUMNS: Final = ("provider", "wire", "endpoints", "confidence", "variables", "base_url")


def list_providers(form: str) -> Status:
    """Print the catalogue."""
    rows = tuple(
        (name, row.wire, " ".join(row.endpoints), row.confidence, " ".join(row.keys), row.base_url)
        for name, row in sorted(catalogue().items())
    )
    click.echo(render(_table(_COLUMNS, rows), Format(form)), nl=False)
    return Status.DONE


def show_provider(name: str, form: str) -> Status:
    """Print a row, a line for each thing that is known."""
    rows = catalogue()
    row = row_of(name, rows)
    if row is None:
        meant = " or ".join(like(name, rows))
        hint = f"did you mean {meant}?" if meant else "`headgate providers list` lists them"
        raise BadUsage(f"expected a provider of the catalogue, got {name}", hint)
    (provider,) = (each for each, its in rows.items() if its is row)
    lines = (("provider", provider), *((field, text) for field, text in _fields(row) if text))
    click.echo(render(_table(("field", "value"), lines), Format(form)), nl=False)
    return Status.DONE


def _table(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Table:
    return Table(tuple(Column(name, Kind.TEXT) for name in columns), rows)


def _fields(row: Row) -> Iterator[tuple[str, str]]:
    plain: dict[str, object] = msgspec.json.decode(msgspec.json.encode(row, order="deterministic"))
    for field in row.__struct_fields__:
        yield field, _spelt(plain[field])


def _spelt(value: object) -> str:
    if not value:
        return ""
    if is_list(value):
        return " ".join(map(str, value))
    return msgspec.json.encode(value).decode() if is_mapping(value) else str(value)
