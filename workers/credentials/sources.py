"""Where a secret comes from: the environment or config, a file, a command. Errors never quote what was read."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

#: How often a file is looked at.
_LOOK_SECONDS: Final = 2.0
#: What a command may take.
_COMMAND_SECONDS: Final = 30.0
#: Service accounts' tokens are the longest, at some two thousand characters.
_LONGEST: Final = 16_384


class NoSecret(Exception):  # noqa: N818 - the name is the state
    """A source gave no secret; the message says what was expected and what came, and nothing of the secret."""


class Source(Protocol):
    """Gives a secret."""

    @property
    def every(self) -> float | None:
        """Seconds after which it is asked again; None: its secret never changes."""
        ...

    async def read(self) -> str:
        """Return the secret as it is now. Raises `NoSecret`."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A secret that the config holds, or the environment did when the process started."""

    secret: str = field(repr=False)
    every: float | None = None

    async def read(self) -> str:
        """Return it."""
        return sound(self.secret.encode(), "the config")


@dataclass(frozen=True, slots=True)
class InFile:
    """A file that holds the secret alone, as secret stores mount it."""

    path: Path
    every: float | None = _LOOK_SECONDS

    async def read(self) -> str:
        """Read it, which takes no longer than asking whether it has changed."""
        try:
            content = await asyncio.to_thread(self.path.read_bytes)
        except OSError as error:
            raise NoSecret(f"expected a file that can be read, got {self.path}: {error.strerror or error}") from error
        return sound(content, str(self.path))


@dataclass(frozen=True, slots=True)
class Printed:
    """A command that prints the secret, run without a shell and with the process's own environment."""

    command: tuple[str, ...]
    every: float | None
    patience: float = _COMMAND_SECONDS

    async def read(self) -> str:
        """Run it. What it says on standard error may quote the secret, so nobody hears it."""
        name = self.command[0]
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise NoSecret(f"expected a command that can be run, got {name}: {error.strerror or error}") from error
        output = await _output(process, self.patience, name)
        if process.returncode != 0:
            raise NoSecret(f"expected {name} to end with status 0, got {process.returncode}")
        return sound(output, f"the output of {name}")


async def _output(process: asyncio.subprocess.Process, seconds: float, name: str) -> bytes:
    """Return what a process prints; it does not outlive this, whatever ends it."""
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise NoSecret(f"expected {name} to print a secret within {seconds:g} s, got none") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output


def sound(content: bytes, where: str) -> str:
    """Return the secret that `content` is, without white space around it, if a header can carry it."""
    text = content.decode("ascii", "replace").strip()
    if not text:
        raise NoSecret(f"expected a secret in {where}, got nothing")
    if len(text) > _LONGEST or not (text.isascii() and text.isprintable()):
        raise NoSecret(f"expected one line of at most {_LONGEST} printable ASCII characters in {where}, got other")
    return text
