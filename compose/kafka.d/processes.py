"""Processes that are not our children: are they there, wait until one ends, end one."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_POLL: Final = 0.2


def command_of(pid: int) -> str:
    """Return the command line of `pid`: empty when there is no such process, or when it is dead but not yet reaped."""
    if (_PROC / "self" / "cmdline").exists():
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()


def wait_for_exit(pids: Sequence[int], seconds: float | None) -> int | None:
    """Wait until one of `pids` has ended and return it; None when `seconds` passed first (never, if None)."""
    try:
        return _wait_by_descriptor(pids, seconds)
    except (AttributeError, PermissionError, NotImplementedError):
        return _wait_by_looking(pids, seconds)  # not Linux, or a sandbox that forbids pidfd_open


def _wait_by_descriptor(pids: Sequence[int], seconds: float | None) -> int | None:
    """Wait on descriptors: each names one process for ever, whatever becomes of its number."""
    poll = select.poll()
    owners: dict[int, int] = {}
    with ExitStack() as stack:
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                return pid
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
            owners[descriptor] = pid
        ready = poll.poll(None if seconds is None else seconds * 1000)
    return owners[ready[0][0]] if ready else None


def _wait_by_looking(pids: Sequence[int], seconds: float | None) -> int | None:
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        for pid in pids:
            if not command_of(pid):
                return pid
        if deadline is not None and time.monotonic() >= deadline:
            return None
        time.sleep(_POLL)


def end(pid: int, patience: float) -> bool:
    """Ask `pid` to stop, wait `patience` seconds, then kill it; say whether asking was enough."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if wait_for_exit([pid], patience) is not None:
        return True
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for_exit([pid], patience)
    return False
