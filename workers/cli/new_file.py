"""A file for a secret: new, and only its owner's."""

import os
from pathlib import Path

from .options import BadUsage, OurFault


def write_new(path: Path, text: str) -> None:
    """Write it; raises `BadUsage` if anything is there already, a dangling link too."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadUsage(f"{path} is there already", "name another file with --key-file") from error
    except OSError as error:
        raise BadUsage(f"expected to write {path}, got: {error.strerror or error}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OurFault(f"expected to write {path}, got: {error.strerror or error}") from error
