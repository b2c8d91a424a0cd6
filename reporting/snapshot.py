"""The copy for readers: made by a child process, put in place by one rename."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from .errors import SnapshotError

#: For systems without `cp`, or with one that knows no --reflink.
_PYTHON_COPY: Final = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"


def snapshot_path(path: Path) -> Path:
    """Return where the snapshot of the ledger at `path` lies: `headgate.duckdb` → `headgate.snapshot.duckdb`."""
    return path.with_suffix(".snapshot.duckdb")


def publish(path: Path, unique: str) -> Path:
    """Copy the closed or checkpointed file at `path` and put the copy in the place of the last snapshot.

    A child copies. If this process opened the file a second time and closed it, POSIX would drop DuckDB's lock, and
    another recorder could open the ledger beside this one.
    """
    target = snapshot_path(path)
    copy = target.with_name(f"{target.name}.{unique}.tmp")
    try:
        _copy(path, copy)
        copy.chmod(0o444)
        copy.replace(target)
    except OSError as error:
        raise SnapshotError(f"{target}: expected to write a snapshot: {error}") from error
    finally:
        copy.unlink(missing_ok=True)
    return target


def sweep(path: Path) -> None:
    """Remove copies that a killed recorder left unfinished. Only the owner of the ledger may call this."""
    target = snapshot_path(path)
    for left in target.parent.glob(f"{target.name}.*.tmp"):
        left.unlink(missing_ok=True)


def _copy(source: Path, copy: Path) -> None:
    said = ""
    for command in _commands():
        # In a group of its own, so that Ctrl-C, which goes to the whole group, does not cut the copy short.
        done = subprocess.run(  # noqa: S603 - the arguments are a fixed command and two paths, and no shell
            [*command, str(source), str(copy)], capture_output=True, text=True, check=False, process_group=0
        )
        if done.returncode == 0:
            return
        said = done.stderr.strip()
    raise SnapshotError(f"{copy}: expected a child process to write the snapshot; it said: {said or 'nothing'}")


def _commands() -> tuple[tuple[str, ...], ...]:
    cp = shutil.which("cp")
    python = (sys.executable, "-c", _PYTHON_COPY)
    return (python,) if cp is None else ((cp, "--reflink=auto", "--"), python)
