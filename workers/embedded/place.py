"""The files of one embedded server, and who may touch them."""

import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from .errors import EmbeddedServerError

#: `sockaddr_un.sun_path` holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_SOCKET_PATH_BYTES: Final = 103


@dataclass(frozen=True, slots=True)
class Place:
    """`<directory>/valkey/`: data, log, locks and the address."""

    root: Path

    @classmethod
    def under(cls, directory: Path) -> Self:
        """Make the place if it is missing; only its owner may enter it."""
        root = directory.absolute() / "valkey"
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(f"expected to make the directory {root}, got: {error}") from error
        return cls(root.resolve())

    @property
    def keeper_lock(self) -> Path:
        """Locked by the process that keeps the server."""
        return self.root / "keeper.lock"

    @property
    def server_lock(self) -> Path:
        """Locked by the server itself, through a descriptor it inherits: held while anything of it lives."""
        return self.root / "server.lock"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.root / "valkey.log"

    @property
    def pid_file(self) -> Path:
        """Written by the server."""
        return self.root / "valkey.pid"

    @property
    def address_file(self) -> Path:
        """Holds the path of the socket, written by the keeper when the server is ready."""
        return self.root / "address"

    def address(self) -> Path | None:
        """Return the socket that the last keeper wrote down."""
        try:
            return Path(self.address_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def write_address(self, socket: Path) -> None:
        """Tell others where the server listens."""
        fresh = self.address_file.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(str(socket), encoding="utf-8")
        fresh.replace(self.address_file)

    def socket(self, temporary: Path | None = None) -> Path:
        """Choose where the server listens: here, or in a private directory where paths are short."""
        here = self.root / "socket"
        if len(os.fsencode(here)) <= _SOCKET_PATH_BYTES:
            return here
        name = hashlib.blake2b(os.fsencode(self.root), digest_size=8).hexdigest()
        short = (temporary or Path(tempfile.gettempdir())) / f"headgate-{os.getuid()}-{name}"
        return _private(short) / "socket"

    def server_pid(self) -> int | None:
        """Return the pid that the server wrote down, if it wrote one."""
        try:
            return int(self.pid_file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None


def _private(directory: Path) -> Path:
    """Make a directory in a place where others can make some too, and refuse one that is not ours alone."""
    directory.mkdir(mode=0o700, exist_ok=True)
    facts = directory.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise EmbeddedServerError(
            f"expected {directory} to be a directory that only we may enter, somebody else made it. Remove it, or "
            f"choose a `directory` with a shorter path."
        )
    return directory


class FileLock:
    """An exclusive `flock`: the kernel lets go of it when its last holder is dead, however it died."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody has it, and say whether it is ours."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise EmbeddedServerError(f"expected to lock {self._path}, got: {error}. Use a local disk.") from error
        self._descriptor = descriptor
        return True

    @property
    def held(self) -> bool:
        """Whether the lock is ours."""
        return self._descriptor is not None

    def fileno(self) -> int:
        """Return the descriptor, to be inherited by a child that shall hold the lock as well."""
        if self._descriptor is None:
            raise ValueError(f"expected the lock {self._path} to be held, it is not")
        return self._descriptor

    def release(self) -> None:
        """Close our descriptor; a child that inherited it goes on holding the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
