"""The names of others that have no counterpart: `names.toml`, as values."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

import msgspec


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of one section that have no counterpart, for the same reason."""

    section: str
    names: tuple[str, ...]
    #: A sentence: what Headgate does instead, or that it does nothing.
    instead: str


@lru_cache(maxsize=1)
def gaps() -> Mapping[str, tuple[Gap, ...]]:
    """Return all of them by whose names they are."""
    text = files("headgate.routing.adoption").joinpath("names.toml").read_text(encoding="utf-8")
    return MappingProxyType(msgspec.convert(tomllib.loads(text), dict[str, tuple[Gap, ...]]))


@lru_cache(maxsize=64)
def without_counterpart(source: str, section: str) -> Mapping[str, str]:
    """Return the sentence of each name of a section."""
    found = {name: gap.instead for gap in gaps()[source] if gap.section == section for name in gap.names}
    return MappingProxyType(found)
