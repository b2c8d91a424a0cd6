"""What `headgate keys list` says."""

import datetime as dt
from pathlib import Path
from typing import Final

import click

from ...producers.progress import spell_seconds
from ...reporting.tables import Column, Format, Kind, Table, render
from ...schemas.config_access import Key
from .exits import Status
from .settled import settings_of

_COLUMNS: Final = (
    "key",
    "workspace",
    "proof",
    "fingerprint",
    "former",
    "lane",
    "weight",
    "models",
    "reply_topics",
    "expires",
    "state",
)
#: So much of a hash or a public key tells them apart, and is of no use otherwise.
_FINGERPRINT: Final = 12
_DAY: Final = 86_400


def list_keys(config_file: Path | None, form: str) -> Status:
    """Print the keys."""
    config = settings_of(config_file).config
    if not config.keys:
        click.echo("No keys are configured: every name is an unlimited key that needs no proof.", err=True)
    now = dt.datetime.now(dt.UTC)
    columns = tuple(Column(name, Kind.COUNT if name == "former" else Kind.TEXT) for name in _COLUMNS)
    rows = tuple(_row(key, now) for key in config.keys)
    click.echo(render(Table(columns, rows), Format(form)), nl=False)
    return Status.DONE


def _row(key: Key, now: dt.datetime) -> tuple[str | int | None, ...]:
    return (
        key.id,
        key.workspace,
        " or ".join(sorted(key.proofs)),
        " ".join(_fingerprints(key)),
        len(key.former) + len(key.former_public_keys),
        key.lane,
        f"{key.weight:g}",
        " ".join(key.models),
        None if key.reply_topics is None else " ".join(key.reply_topics),
        None if key.expires is None else key.expires.isoformat(),
        _state(key.expires, now),
    )


def _fingerprints(key: Key) -> list[str]:
    hash_ = [] if key.secret is None else [f"sha256:{key.secret.sha256[:_FINGERPRINT]}"]
    kind, _, point = (key.public_key or "").partition(":")
    return [*hash_, *([f"{kind}:{point[:_FINGERPRINT]}"] if point else [])]


def _state(expires: dt.datetime | None, now: dt.datetime) -> str:
    if expires is None:
        return "active"
    left = (expires - now).total_seconds()
    if left <= 0:
        return "expired"
    return f"expires in {f'{int(left) // _DAY} d' if left >= _DAY else spell_seconds(left)}"
