"""The checkout that the tests run from, as git sees it: without caches and whatever a build or a run leaves behind."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("schemas", "routing", "producers", "reporting", "workers")


@cache
def files() -> tuple[str, ...]:
    """Return the paths of all files that git tracks."""
    return _listed("--cached")


@cache
def files_of_rooms() -> tuple[str, ...]:
    """Return the paths of the package's files, and of those that will be once they are added."""
    return _listed("--cached", "--others", "--exclude-standard", "--", *ROOMS)


def modules() -> list[str]:
    """Return the dotted names of all modules and packages of the five rooms."""
    sources = [name.removesuffix(".py") for name in files_of_rooms() if name.endswith(".py")]
    return [f"headgate.{name.removesuffix('/__init__').replace('/', '.')}" for name in sources]


def _listed(*options: str) -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, check=True).stdout
    return tuple(sorted(name for name in set(listed.decode().split("\0")) if name and (ROOT / name).exists()))
