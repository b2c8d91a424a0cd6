"""One broker in one directory: look, start, wait until it is ready, end."""

import base64
import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handshake import NotReady, door_of, handshake
from ports import HOST
from processes import command_of, end
from runtime import SERVER, STORAGE_TOOL, Jvm, Runtime
from settings import Place, ports_of, properties_of, render
from trouble import Trouble

PROPERTIES: Final = "server.properties"
#: A file of the user's: who may enter by SCRAM, a line `SCRAM-SHA-512=[name=...,password=...]` for each.
_SCRAM: Final = "scram-users"
_PID: Final = "broker.pid"
LOG: Final = "broker.log"

#: Seconds a broker is given to stop when asked; an idle one takes 0.3.
PATIENCE: Final = 20.0
_BETWEEN_LOOKS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """A broker process that was found alive."""

    pid: int
    place: Place


def find(directory: Path) -> Running | None:
    """Return the broker of `directory` if its process lives. A pid that now belongs to another program is not it."""
    try:
        pid = int((directory / _PID).read_text())
        ports = ports_of((directory / PROPERTIES).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if ports is None or str(directory / PROPERTIES) not in command_of(pid):
        return None
    return Running(pid, Place(directory, *ports))


def start(runtime: Runtime, place: Place, jvm: Jvm) -> "subprocess.Popen[bytes]":
    """Start the broker of `place`, on the data it has or on new; return without waiting for it."""
    properties = place.directory / PROPERTIES
    properties.write_text(render(place))
    if not (place.directory / "data" / "meta.properties").exists():
        _format(runtime, properties)
    process = _spawn(runtime.command(SERVER, [str(properties)], jvm), place.directory)
    fresh = place.directory / f"{_PID}.new"
    fresh.write_text(str(process.pid))
    fresh.replace(place.directory / _PID)
    return process


def _format(runtime: Runtime, properties: Path) -> None:
    arguments = ["format", "--cluster-id", _cluster_id(), "--config", str(properties), *_scram(properties.parent)]
    process = _spawn(runtime.command(STORAGE_TOOL, arguments), properties.parent)
    if process.wait() != 0:
        raise Trouble(
            f"expected the storage to be formatted, got status {process.returncode}: {tail(properties.parent)}"
        )


def _scram(directory: Path) -> list[str]:
    """Return the options that put SCRAM users into new data: no broker can be entered that way before it has some."""
    users = directory / _SCRAM
    lines = users.read_text().split("\n") if users.exists() else []
    return [option for line in lines if line for option in ("--add-scram", line)]


def _cluster_id() -> str:
    """Return a random id as Kafka writes them: a UUID in URL-safe base64 that does not look like an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _spawn(command: Sequence[str], directory: Path) -> "subprocess.Popen[bytes]":
    """Start a process that outlives this one, its output in the log, deaf to the terminal's Ctrl-C."""
    with (directory / LOG).open("ab") as log:
        return subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def ask(place: Place) -> NotReady | None:
    """Return None when the broker is ready, else why not."""
    return handshake(HOST, place.port, door_of(properties_of((place.directory / PROPERTIES).read_text())))


def wait_until_ready(process: "subprocess.Popen[bytes]", place: Place, seconds: float) -> None:
    """Return when the broker answers; raise `Trouble`, with no process left, if it dies or takes too long."""
    deadline = time.monotonic() + seconds
    state: NotReady | None = NotReady("not asked yet")
    while state is not None:
        if process.poll() is not None:
            raise Trouble(f"the broker ended with status {process.returncode}; {tail(place.directory)}")
        if time.monotonic() > deadline:
            end(process.pid, PATIENCE)
            raise Trouble(
                f"not ready after {seconds:g} s ({state.why}); give --wait more, or see {tail(place.directory)}"
            )
        time.sleep(_BETWEEN_LOOKS)
        state = ask(place)


def stop(running: Running) -> bool:
    """End the broker and wait for it; say whether it went when asked."""
    gentle = end(running.pid, PATIENCE)
    forget(running)
    return gentle


def forget(running: Running) -> None:
    """Remove the pid file of a broker that has ended, unless a newer broker has written its own."""
    path = running.place.directory / _PID
    if path.exists() and path.read_text() == str(running.pid):
        path.unlink()


def tail(directory: Path, lines: int = 15) -> str:
    """Quote the end of the log."""
    log = directory / LOG
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"the end of {os.fspath(log)}:\n" + "\n".join(text.splitlines()[-lines:])
