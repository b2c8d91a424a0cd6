"""What `headgate keys create`, `rotate` and `revoke` do: lines for the config on stdout, advice on stderr."""

import datetime as dt
import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import yaml
from pydantic import ValidationError

from ...producers.private_key import PrivateKey
from ...schemas.config import Config
from ...schemas.config_access import Key
from ...schemas.config_values import seconds
from ..settings.explain import Source, explain
from ..settings.tree import Tree
from .exits import Status
from .new_file import write_new
from .options import BadUsage
from .settled import settings_of

_SECRET_BYTES: Final = 32
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")

#: Lines of one key, as they stand in the config.
_Lines = dict[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    key: str
    #: `signed`, `bearer`, `trusted`; None: as it is.
    kind: str | None
    key_file: Path | None = None
    workspace: str | None = None
    expires: str | None = None


def create_key(config_file: Path | None, wanted: Wanted, form: str) -> Status:
    """Make a key of its own."""
    config = settings_of(config_file).config
    lines: _Lines = {"id": wanted.key}
    if wanted.workspace is not None:
        lines["workspace"] = wanted.workspace
    if wanted.expires is not None:
        lines["expires"] = _moment(wanted.expires)
    if wanted.kind == "trusted":
        _insist(config, [*map(_lines_of, config.keys), lines])
        _print(lines, form, "Put these lines under keys in the config, and restart the workers.")
        click.echo("No proof is asked of this key: see that the broker asks who may write to the lanes.", err=True)
        return Status.DONE
    proof = _Proof.made(wanted.kind or "signed")
    _insist(config, [*map(_lines_of, config.keys), lines | proof.lines])
    told = proof.given(wanted, ".pem")
    _print(lines | proof.lines, form, told, "Put these lines under keys in the config, and restart the workers.")
    return Status.DONE


def rotate_key(config_file: Path | None, wanted: Wanted, form: str) -> Status:
    """Make a new proof for a key, beside the present one."""
    config = settings_of(config_file).config
    key = _existing(config, wanted.key)
    proof = _Proof.made(wanted.kind or _kind_of(key))
    lines = {"id": key.id} | proof.lines | proof.former(key)
    _insist(config, [_lines_of(each) | (lines if each is key else {}) for each in config.keys])
    told = proof.given(wanted, ".new.pem")
    _print(
        lines,
        form,
        told,
        *proof.dropped(key),
        "1. Put these lines in place of the key's own of these names, leave the others, and restart the workers.",
        "2. Let whoever sends requests use the new one.",
        "3. When nobody uses the old one any more, take the former ones out, and restart the workers again.",
    )
    return Status.DONE


def revoke_key(config_file: Path | None, key: str, form: str) -> Status:
    """End a key."""
    _existing(settings_of(config_file).config, key)
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _print(
        {"id": key, "expires": now},
        form,
        "Put the line `expires` among the key's own, and restart the workers. All its requests are refused then, "
        "also those that wait already.",
    )
    return Status.DONE


@dataclass(frozen=True, slots=True)
class _Proof:
    """A new secret or private key, and what the config has of it."""

    kind: str
    #: As it is given to whoever sends requests.
    secret: str
    lines: _Lines

    @classmethod
    def made(cls, kind: str) -> "_Proof":
        if kind == "signed":
            private = PrivateKey.generate()
            return cls(kind, private.pem(), {"public_key": private.public_key})
        secret = f"hg-{secrets.token_urlsafe(_SECRET_BYTES)}"
        return cls(kind, secret, {"secret": {"sha256": hashlib.sha256(secret.encode()).hexdigest()}})

    def __repr__(self) -> str:
        return f"<_Proof {self.kind}>"

    def given(self, wanted: Wanted, suffix: str) -> str:
        """Hand the secret part over, before anything is printed; return where it is."""
        file = wanted.key_file
        if file is None and self.kind == "signed":
            if _FILE_NAME.fullmatch(wanted.key) is None:
                raise BadUsage(f"{wanted.key!r} is no name for a file", "name one with --key-file")
            file = Path(f"{wanted.key}{suffix}")
        if file is None:
            return f"The secret, shown this once and kept nowhere:\n\n    {self.secret}\n"
        write_new(file, self.secret if self.kind == "signed" else f"{self.secret}\n")
        what = "private key" if self.kind == "signed" else "secret"
        return f"The {what} is in {file}. Move it to where requests are sent from; the gateway has no use for it."

    def former(self, key: Key) -> _Lines:
        """Return the lines that keep what `key` has of this kind."""
        if self.kind == "signed":
            return {} if key.public_key is None else {"former_public_keys": [key.public_key]}
        return {} if key.secret is None else {"former": [{"sha256": key.secret.sha256}]}

    def dropped(self, key: Key) -> list[str]:
        """Say what is not kept any longer."""
        count = len(key.former_public_keys if self.kind == "signed" else key.former)
        return [f"{count} that were former ones already are not accepted any longer."] if count else []


def _kind_of(key: Key) -> str:
    """Return what a key is proved by now; raises `BadUsage` if that is not one thing."""
    if "trusted" in key.proofs:
        raise BadUsage(f"{key.id} has no secret and no public key", "say what it shall have: --signed or --bearer")
    if len(key.proofs) > 1:
        raise BadUsage(f"{key.id} has both a secret and a public key", "say which: --bearer or --signed")
    return "signed" if "signature" in key.proofs else "bearer"


def _existing(config: Config, id_: str) -> Key:
    for key in config.keys:
        if key.id == id_:
            return key
    known = ", ".join(key.id for key in config.keys) or "which has none"
    raise BadUsage(f"expected a key of the config ({known}), got {id_!r}")


def _lines_of(key: Key) -> _Lines:
    return key.model_dump(exclude_unset=True)


def _insist(config: Config, keys: list[_Lines]) -> None:
    """Raise `BadUsage` if the config would be wrong with these keys."""
    try:
        Config.model_validate({**config.model_dump(exclude_unset=True), "keys": keys})
    except ValidationError as error:
        faults = explain(error, Config, Source("", Tree(), {}, {}))
        texts = [f"{fault.path}: expected {fault.expected}, got {fault.given}" for fault in faults]
        raise BadUsage("the config would be wrong with it\n" + "\n".join(texts)) from error


def _moment(wish: str) -> str:
    """Read a duration from now, or a time with its zone."""
    now = dt.datetime.now(dt.UTC)
    try:
        moment = now + dt.timedelta(seconds=float(str(seconds(wish))))
    except (ValueError, OverflowError):
        moment = _absolute(wish)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _absolute(wish: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(wish)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadUsage(f"--expires: expected a duration like 90d, or a time like 2027-01-01T00:00:00Z, got {wish!r}")
    return moment.astimezone(dt.UTC)


def _print(lines: _Lines, form: str, *advice: str) -> None:
    document = {"keys": [lines]}
    if form == "json":
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)
    for text in advice:
        click.echo(text, err=True)
