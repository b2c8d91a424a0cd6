"""Run a program that dies with its parent: `with_parent.py PARENT_PID PROGRAM [ARGUMENT ...]`. Linux only.

The kernel sends SIGTERM to this process when the thread that started it ends (`prctl(2)`, PR_SET_PDEATHSIG), and the
setting survives the exec. It runs as a program of its own (18 ms), because Python code between fork and exec
(`preexec_fn`) may deadlock in a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, program: str, *arguments: str) -> None:
    """Become `program`, unless the parent is dead already."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is wanted, and the caller names the program


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], *sys.argv[3:])
