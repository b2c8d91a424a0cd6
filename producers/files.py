"""Files that are whole or not there at all, whatever happens while they are written."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_BUFFER: Final = 1024 * 1024


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file beside `path`, make it durable, and let it take the name in one step; raises OSError."""
    draft = path.with_name(f"{path.name}.tmp")
    with draft.open("wb", buffering=_BUFFER) as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    rename(draft, path)


def rename(path: Path, name: Path) -> None:
    """Give the file another name, durably; what had the name is gone."""
    path.replace(name)
    _sync_folder(name.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
