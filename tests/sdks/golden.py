"""The golden files of wire families (tests/golden), for the judges."""

import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
Json = dict[str, typing.Any]


@dataclass(frozen=True)
class Golden:
    """One file: what is sent, and what came back."""

    family: str
    name: str
    facts: Json

    @property
    def sent(self) -> Json:
        return json.loads(json.dumps(self.facts["sent"]["body"]))

    @property
    def came(self) -> Json:
        return json.loads(json.dumps(self.facts["came"]["body"]))


def golden(*families: str, having: str) -> list[typing.Any]:
    """Return all files of families that have something, as parameters of a test."""
    paths = [path for family in families for path in sorted((GOLDEN / family).glob("*.json"))]
    files = [Golden(path.parent.name, path.stem, json.loads(path.read_bytes())) for path in paths]
    return [pytest.param(each, id=f"{each.family}-{each.name}") for each in files if having in each.facts]


def looked_through(value: object) -> object:
    """Return a validated value with every lazy part of it read, for only then is it validated."""
    if isinstance(value, Mapping):
        return {key: looked_through(inner) for key, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [looked_through(inner) for inner in value]
    return value
