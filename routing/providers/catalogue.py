"""The providers that are known by id, so that a config needs to give a credential only: `catalogue.toml`, as values."""

import difflib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from ..service import Auth

#: The provider simulator's id: in reports it must never look like a real provider.
SIMULATOR: Final = "simulator"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider. Endpoints are named by the words of `schemas.request.Endpoint`, in lower case."""

    wire: str
    #: Up to and including the version; `{names}` are filled in from the config's `options`.
    base_url: str
    #: Environment variables that hold the credential; the first that is set counts.
    keys: tuple[str, ...]
    endpoints: tuple[str, ...]
    #: A: two sources or more agree. B: one good source. C: one source that may be old.
    confidence: Literal["A", "B", "C"]
    #: Where the facts come from: the provider's id in public catalogues and code.
    source: str
    docs: str = ""
    auth: Auth = Auth.BEARER
    #: The base URL where `options.location` is `global`.
    global_url: str | None = None
    #: Patterns that the host must match, where the config says the whole of it.
    hosts: tuple[str, ...] = ()
    #: Environment variables that hold an option, by its name.
    options: Mapping[str, tuple[str, ...]] = {}
    #: What follows the base URL, or a whole URL, by endpoint, where it is another than the wire family's.
    paths: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    #: These six are what `ParameterRules` and `Service` say of them.
    rename: Mapping[str, str] = {}
    unsupported: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[float, float]] = {}
    values: Mapping[str, Mapping[str, str]] = {}
    fixed: Mapping[str, str] = {}
    text_only: bool = False
    #: A style of `reasoning.py`.
    reasoning: str = "effort"
    #: Service tiers beside the standard one.
    tiers: tuple[str, ...] = ()
    #: What others call it.
    aliases: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Row]:
    """Return all rows by id. Reads the file the first time, which takes some 20 ms."""
    text = files("headgate.routing.providers").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return MappingProxyType(msgspec.convert(tomllib.loads(text), dict[str, Row]))


def row_of(name: str, rows: Mapping[str, Row]) -> Row | None:
    """Return the row of an id or an alias, None if there is none."""
    return rows.get(name) or next((row for row in rows.values() if name in row.aliases), None)


def id_of(name: str, rows: Mapping[str, Row]) -> str | None:
    """Return the id that an id or an alias stands for, None if there is none."""
    return name if name in rows else next((id_ for id_, row in rows.items() if name in row.aliases), None)


def like(name: str, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return ids that somebody who wrote `name` may have meant."""
    return tuple(difflib.get_close_matches(name.lower(), rows, n=3))
