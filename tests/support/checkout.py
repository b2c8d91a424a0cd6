"""The checkout that the tests run from: its files as git sees them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("schemas", "routing", "producers", "reporting", "workers")


@cache
def files() -> tuple[str, ...]:
    """Return the paths of all files that git tracks or would: neither caches nor what a build leaves behind."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).exists()))


def files_of_rooms() -> list[str]:
    """Return those that belong to the package."""
    return [name for name in files() if name.partition("/")[0] in ROOMS]


def modules() -> list[str]:
    """Return the dotted names of all modules and packages of the five rooms."""
    sources = [name.removesuffix(".py") for name in files_of_rooms() if name.endswith(".py")]
    return [f"headgate.{name.removesuffix('/__init__').replace('/', '.')}" for name in sources]
