"""A small process beside a broker that ends it when its time is up or its owner is gone."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import broker
from processes import command_of, end, wait_for_exit

_SCRIPT: Final = Path(__file__).resolve().parent.parent / "kafka"


@dataclass(frozen=True, slots=True)
class Life:
    """How long a broker may live: so many seconds, and while a process lives. None: as long as it likes."""

    seconds: float | None = None
    owner: int | None = None

    @property
    def is_limited(self) -> bool:
        """Say whether there is anything to watch."""
        return self.seconds is not None or self.owner is not None


def spawn(pid: int, directory: Path, life: Life) -> None:
    """Start the watching process, which outlives us, for the broker `pid` of `directory`."""
    command = [sys.executable, str(_SCRIPT), "watch", "--directory", str(directory), "--pid", str(pid)]
    if life.seconds is not None:
        command += ["--for", str(life.seconds)]
    if life.owner is not None:
        command += ["--while-pid", str(life.owner)]
    null = subprocess.DEVNULL
    subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)


def watch(pid: int, directory: Path, life: Life) -> None:
    """Wait until the broker has ended by itself, or its life is over, and then end it."""
    pids = [pid] if life.owner is None else [pid, life.owner]
    if wait_for_exit(pids, life.seconds) == pid:
        return
    running = broker.find(directory)
    if running is not None and running.pid == pid:
        broker.stop(running)
    elif command_of(pid):  # its directory is gone already
        end(pid, broker.PATIENCE)
