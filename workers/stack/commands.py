"""The parts of the stack as commands: the same ones that a person would type."""

import hashlib
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..settings import Settings
from .part import Part, base_url, operations_address

#: After the deadline of its own, a process ends itself within five seconds.
_GRACE: Final = 8.0
_SIMULATOR_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Commands:
    """Makes the parts of a stack from the settings."""

    settings: Settings
    #: Listen anywhere, so that several stacks of one machine do not fight for the configured ports.
    free_ports: bool

    @property
    def simulated(self) -> bool:
        """Whether the simulator answers: nobody else is configured."""
        return not self.settings.config.providers

    def worker(self, simulator: str | None, holds: tuple[int, ...]) -> Part:
        """Return the worker; `simulator` answers it where no provider is configured."""
        options = ["--slot", self.slot(), *(("--simulator", simulator) if simulator else ())]
        return self._process("worker", options, holds)

    def recorder(self, holds: tuple[int, ...]) -> Part:
        """Return the recorder."""
        return self._process("recorder", [], holds)

    def simulator(self, earlier: str) -> Part:
        """Return the simulator; one that comes back takes the port that it had, because the worker knows it."""
        port = str(urlsplit(earlier).port or 0)
        command = _headgate("simulate", "--exit-with-parent", "--port", port)
        return Part("simulator", command, base_url, _SIMULATOR_PATIENCE)

    def _process(self, name: str, options: list[str], holds: tuple[int, ...]) -> Part:
        file = self.settings.file
        config = [] if file is None else ["--config", str(file)]
        ports = ["--operations-port", "0"] if self.free_ports else []
        command = _headgate(name, "--exit-with-parent", *config, *ports, *options)
        return Part(name, command, operations_address, self.settings.config.operations.drain + _GRACE, holds)

    def slot(self) -> str:
        """Return the worker's slot: one per directory and machine, so that a restart resumes what was left behind."""
        directory = str(Path(self.settings.config.directory).resolve())
        digest = hashlib.blake2b(directory.encode(), digest_size=6).hexdigest()
        return f"stack-{socket.gethostname()}-{digest}"


def _headgate(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "headgate.workers.cli", *arguments)
