"""SQL lives in `.sql` files, one statement each, explained on top; here they become text."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_ROOM: Final = files("headgate.reporting")


@cache
def statement(name: str) -> str:
    """Return one of the recorder's statements."""
    return _ROOM.joinpath("statements", f"{name}.sql").read_text(encoding="utf-8")


@cache
def query(name: str) -> str:
    """Return the text of one question."""
    return _ROOM.joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


def migrations() -> tuple[Traversable, ...]:
    """Return the migrations in order: number n is the n-th, which a test holds them to."""
    found = (file for file in _ROOM.joinpath("migrations").iterdir() if file.name.endswith(".sql"))
    return tuple(sorted(found, key=lambda file: file.name))
