"""What `headgate config import` does: read another gateway's config, write Headgate's, list what has no counterpart."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from ...routing.adoption import litellm, portkey
from ...routing.adoption.document import Adopted, spelt, stand_ins
from ...routing.adoption.told import told
from ...routing.price_list import GenaiPrices
from ...routing.providers.catalogue import catalogue, row_of
from ...routing.routes import Unroutable, build_routes
from ...schemas.plain import is_list, is_mapping
from ..settings import FILE, ConfigErrors, settings_of_text
from .exits import Status
from .foreign_yaml import Unreadable, read_foreign
from .options import BadUsage, OurFault
from .yaml_text import as_yaml

#: Stands for a simulator that is not started: nothing is called.
_NOWHERE: Final = "http://simulator"
_THEIR_NAMES: Final = {"litellm": "LiteLLM", "portkey": "Portkey"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    source: str
    file: Path
    output: Path | None = None
    force: bool = False
    models: Sequence[str] = ()
    #: `SLUG=PROVIDER` each.
    slugs: Sequence[str] = ()


def import_config(wanted: Wanted) -> Status:
    """Write the config on stdout or into a file, and the list on stderr; the config is checked before."""
    if wanted.output is not None and not wanted.force and wanted.output.exists():
        raise BadUsage(f"{wanted.output} is there already", "name another file, or say --force")
    adopted = _adopted(wanted)
    lines = told(adopted.notes)
    text = _with_head(wanted, lines, as_yaml(spelt(adopted.document)))
    problem = _problem(adopted, text)
    _write(wanted, text)
    click.echo(_summary(adopted, len(lines)), err=True)
    for line in lines:
        click.echo(f"- {line}", err=True)
    if problem is not None:
        click.echo(f"This config would not load, which is a fault of the import:\n{problem}", err=True)
    return Status.DONE if problem is None else Status.OUR_FAULT


def _adopted(wanted: Wanted) -> Adopted:
    data = _read(wanted.file)
    prices = GenaiPrices.load()
    if wanted.source == "litellm":
        if wanted.models or wanted.slugs:
            raise BadUsage("--model and --slug are for configs of Portkey")
        return litellm.adopted(data, catalogue(), prices)
    found = portkey.adopted(data, catalogue(), wanted.models, _slugs(wanted.slugs), prices)
    if isinstance(found, portkey.Unnamed):
        places = ", ".join(".".join(map(str, place)) or "the config" for place in found.places[:3])
        hint = "say --model NAME for each model that requests ask for"
        raise BadUsage(f"expected override_params.model at every target, got none at {places}", hint)
    return found


def _read(file: Path) -> object:
    try:
        return read_foreign(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadUsage(f"expected to read {file}, got: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadUsage(f"{file}: expected UTF-8, got: {error.reason}") from error
    except Unreadable as error:
        raise BadUsage(f"{file}: {error}") from error


def _slugs(told_: Sequence[str]) -> Mapping[str, str]:
    parts = [each.rpartition("=") for each in told_]
    slugs = {slug: provider for slug, _, provider in parts}
    for slug, provider in slugs.items():
        if not slug or row_of(provider, catalogue()) is None:
            raise BadUsage(
                f"expected --slug SLUG=PROVIDER, got {slug}={provider}", "`headgate providers list` shows them"
            )
    return slugs


def _with_head(wanted: Wanted, lines: Sequence[str], body: str) -> str:
    head = [f"Imported from a config of {_THEIR_NAMES[wanted.source]}.", *(f"- {line}" for line in lines)]
    return "".join(f"# {line}\n" for line in head) + "\n" + body


def _problem(adopted: Adopted, text: str) -> str | None:
    """Load the config as the processes do; for variables that are not set here, something stands in."""
    environ = {
        **stand_ins(adopted.document, catalogue()),
        **{name: value for name, value in os.environ.items() if value},
    }
    settings = settings_of_text(text, FILE, environ)
    if isinstance(settings, ConfigErrors):
        return str(settings)
    routes = build_routes(settings.config, None if settings.config.providers else _NOWHERE)
    return "\n".join(routes.problems) if isinstance(routes, Unroutable) else None


def _write(wanted: Wanted, text: str) -> None:
    if wanted.output is None:
        click.echo(text, nl=False)
        return
    try:
        with wanted.output.open("w" if wanted.force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise BadUsage(f"{wanted.output} is there already", "name another file, or say --force") from error
    except OSError as error:
        raise OurFault(f"expected to write {wanted.output}, got: {error.strerror or error}") from error


def _summary(adopted: Adopted, count: int) -> str:
    made = f"{_size(adopted.document.get('models'))} models of {_size(adopted.document.get('providers'))} providers"
    return f"{made}; {count} things to know:" if count else f"{made}; everything has a counterpart."


def _size(part: object) -> int:
    return len(part) if is_mapping(part) or is_list(part) else 0
