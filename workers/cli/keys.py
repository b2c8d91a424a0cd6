"""`headgate keys`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .options import config_option, format_option

_F = TypeVar("_F", bound=Callable[..., Any])


def _lines_option(command: _F) -> _F:
    """Add `--format` for lines of the config."""
    choice = click.Choice(["yaml", "json"])
    return click.option(
        "--format", "form", type=choice, default="yaml", show_default=True, help="How the lines on stdout are written."
    )(command)


def _kind_options(default: str | None) -> Callable[[_F], _F]:
    """Add the kinds of proof; without a default, the key's own kind counts."""

    def add(command: _F) -> _F:
        signed = click.option("--signed", "kind", flag_value="signed", default=default, help="Proved by a signature.")
        bearer = click.option("--bearer", "kind", flag_value="bearer", help="Proved by a secret that is sent along.")
        return signed(bearer(command))

    return add


_key_file = click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the private key, or the secret, goes; it must not exist.",
)


@click.group()
def keys() -> None:
    """Make, change and list virtual keys.

    What goes into the config is printed on stdout; the config itself is never changed. A secret is never on stdout.
    """


@keys.command()
@click.argument("key")
@_kind_options("signed")
@click.option("--trusted", "kind", flag_value="trusted", help="Not proved: the broker decides who may write.")
@click.option("--workspace", help="The workspace that it belongs to.")
@click.option("--expires", metavar="WHEN", help="Until when it is good: 90d, or a time with its zone.")
@_key_file
@config_option
@_lines_option
def create(  # noqa: PLR0913 - one for every option
    *,
    key: str,
    kind: str,
    workspace: str | None,
    expires: str | None,
    key_file: Path | None,
    config_file: Path | None,
    form: str,
) -> int:
    """Make a key, and print the lines of the config that admit it.

    A private key is written to a file that only you can read, KEY.pem unless you name another. A bearer secret is shown
    once, on stderr, or written to the file that you name.
    """
    from .keys_made import Wanted, create_key  # noqa: PLC0415 - help must not wait for it

    return create_key(config_file, Wanted(key, kind, key_file, workspace, expires), form)


@keys.command(name="list")
@config_option
@format_option
def list_(*, config_file: Path | None, form: str) -> int:
    """List the keys of the config, without their secrets.

    Of a secret there is the beginning of its hash, of a public key its own beginning.
    """
    from .keys_listed import list_keys  # noqa: PLC0415 - help must not wait for it

    return list_keys(config_file, form)


@keys.command()
@click.argument("key")
@_kind_options(None)
@_key_file
@config_option
@_lines_option
def rotate(*, key: str, kind: str | None, key_file: Path | None, config_file: Path | None, form: str) -> int:
    """Give a key a new secret or a new key pair, with the present one beside it for as long as you need.

    Its kind stays, unless you say another. A private key is written to KEY.new.pem unless you name another file.
    """
    from .keys_made import Wanted, rotate_key  # noqa: PLC0415 - help must not wait for it

    return rotate_key(config_file, Wanted(key, kind, key_file), form)


@keys.command()
@click.argument("key")
@config_option
@_lines_option
def revoke(*, key: str, config_file: Path | None, form: str) -> int:
    """Print the lines that end a key.

    It stays in the config as expired, so that its requests are told so, and nobody is given its name again.
    """
    from .keys_made import revoke_key  # noqa: PLC0415 - help must not wait for it

    return revoke_key(config_file, key, form)
