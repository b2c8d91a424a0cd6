"""Take out of requirements.lock what an image needs: `lock_part.py runtime < requirements.lock > runtime.lock`.

The lock holds the development tools too. Its comments say who asks for each package, and that is enough to keep what
the roots need, hashes and all. A root is `runtime` (what pyproject.toml's dependencies ask for) or a package's name.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_RUNTIME = "headgate (pyproject.toml)"
_HEAD = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==")
_VIA = re.compile(r"    #\s+(?:via )?(?P<who>\S.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One package of the lock: its lines, and who asks for it."""

    lines: tuple[str, ...]
    via: frozenset[str]


def entries(text: str) -> dict[str, Entry]:
    """Read the lock: package name → entry."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        head = _HEAD.match(line)
        name = head["name"] if head else name
        if name:
            found.setdefault(name, []).append(line)
    return {name: Entry(tuple(lines), frozenset(_askers(lines))) for name, lines in found.items()}


def _askers(lines: Iterable[str]) -> Iterable[str]:
    """Return who asks for a package: the names in its comments."""
    for line in lines:
        match = _VIA.match(line)
        if match and match["who"] != "via":
            yield match["who"].strip()


def part(lock: Mapping[str, Entry], roots: Iterable[str]) -> list[str]:
    """Return the names that the roots need, themselves included, in the lock's order."""
    needed = {_RUNTIME if root == "runtime" else root for root in roots}
    before = 0
    while before != len(needed):
        before = len(needed)
        needed |= {name for name, entry in lock.items() if entry.via & needed}
    return [name for name in lock if name in needed]


def main(roots: list[str]) -> None:
    """Filter standard input to standard output."""
    lock = entries(sys.stdin.read())
    unknown = [root for root in roots if root != "runtime" and root not in lock]
    if unknown or not roots:
        sys.exit(f"lock_part: expected `runtime` or names of packages in the lock, got {unknown or 'nothing'}")
    for name in part(lock, roots):
        sys.stdout.writelines(lock[name].lines)


if __name__ == "__main__":
    main(sys.argv[1:])
