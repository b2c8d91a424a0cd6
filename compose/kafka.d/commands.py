"""The command line of compose/kafka."""

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import broker
from install import locked, prepare, tell
from ports import HOST, free_port, is_free
from runtime import Jvm
from settings import OWN, Place, own_settings, ports_of
from trouble import Trouble
from watch import Life, spawn, watch

_CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
_DEFAULT_PORT: Final = 9092
#: Seconds for the port of a broker that was just killed to come free.
_LINGER: Final = 3.0


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status: 0 done, 1 not done (the reason is on stderr), 2 bad usage."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return int(options.run(options))
    except Trouble as trouble:
        tell(str(trouble))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _terminated(_signal: int, _frame: object) -> None:
    """Leave by an exception, as by Ctrl-C, so that a broker on its way up is ended."""
    sys.exit(128 + signal.SIGTERM)


def _up(options: argparse.Namespace) -> int:
    directory = _made(options.directory)
    with locked(directory / "lock"):
        running = broker.find(directory)
        if running is None:
            place = _start(directory, options)
        else:
            place = running.place
            _join(running, options)
    print(place.address)
    return 0


def _start(directory: Path, options: argparse.Namespace) -> Place:
    place = _choose(directory, options.port)
    runtime = prepare(options.cache)
    try:
        process = broker.start(runtime, place, Jvm(options.heap, options.log_level, tuple(options.java_option)))
        if _life(options).is_limited:
            spawn(process.pid, directory, _life(options))
        broker.wait_until_ready(process, place, options.wait)
    except BaseException:
        started = broker.find(directory)
        if started is not None:
            broker.stop(started)
        raise
    return place


def _join(running: broker.Running, options: argparse.Namespace) -> None:
    """Check that a broker which is already there is the one that is wanted."""
    if options.port not in {None, 0, running.place.port}:
        raise Trouble(
            f"expected to listen on port {options.port}, but this directory's broker is up on {running.place.address}; "
            "run `compose/kafka down` first, or give another --directory"
        )
    deadline = time.monotonic() + options.wait
    while (state := broker.ask(running.place)) is not None:
        if time.monotonic() > deadline:
            raise Trouble(
                f"process {running.pid} lives but does not answer ({state.why}); `compose/kafka down` ends it"
            )
        time.sleep(0.05)


def _choose(directory: Path, wanted: int | None) -> Place:
    """Choose the ports: those of the user's own settings, the one asked for, the ones of last time, or free ones."""
    own = ports_of(own_settings(directory))
    if own is not None:
        return _as_set(Place(directory, *own), wanted)
    properties = directory / broker.PROPERTIES
    last = ports_of(properties.read_text()) if properties.exists() else None
    rng = random.Random()
    port = wanted if wanted is not None else (last[0] if last else _DEFAULT_PORT)
    port = port or free_port(rng)
    _await_free(port)
    controller = last[1] if last and last[1] != port and is_free(last[1]) else free_port(rng, frozenset({port}))
    return Place(directory, port, controller)


def _as_set(place: Place, wanted: int | None) -> Place:
    if wanted not in {None, 0, place.port}:
        raise Trouble(f"expected the port of the first listener in {OWN}, {place.port}, got --port {wanted}; drop one")
    _await_free(place.port)
    return place


def _await_free(port: int) -> None:
    deadline = time.monotonic() + _LINGER
    while not is_free(port):
        if time.monotonic() > deadline:
            raise Trouble(f"expected port {port} of {HOST} to be free, but a process has it; give --port 0 or another")
        time.sleep(0.05)


def _watch(options: argparse.Namespace) -> int:
    watch(options.pid, options.directory, _life(options))
    return 0


def _life(options: argparse.Namespace) -> Life:
    return Life(options.for_seconds, options.while_pid)


def _down(options: argparse.Namespace) -> int:
    directory = options.directory.absolute()
    running = broker.find(directory)
    if running is None:
        tell(f"nothing to end: no broker of {directory} is up")
        return 0
    if not broker.stop(running):
        tell(f"process {running.pid} did not stop within {broker.PATIENCE:g} s and was killed")
    return 0


def _status(options: argparse.Namespace) -> int:
    running = broker.find(options.directory.absolute())
    if running is None:
        tell("down")
        return 1
    state = broker.ask(running.place)
    if state is not None:
        tell(f"process {running.pid} lives but does not answer: {state.why}")
        return 1
    print(running.place.address)
    return 0


def _prepare(options: argparse.Namespace) -> int:
    prepare(options.cache)
    return 0


def _made(directory: Path) -> Path:
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compose/kafka", description="Apache Kafka without containers, for one machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    home = _CHECKOUT / ".kafka"

    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--directory", type=Path, default=home, help="data, log and pid file (default: .kafka)")
    cache = argparse.ArgumentParser(add_help=False)
    cache.add_argument(
        "--cache",
        type=lambda text: Path(text).absolute(),
        default=home / "cache",
        help="what Maven resolved (default: .kafka/cache)",
    )
    life = argparse.ArgumentParser(add_help=False)
    life.add_argument("--for", dest="for_seconds", type=float, metavar="SECONDS", help="end the broker after this long")
    life.add_argument("--while-pid", type=int, metavar="PID", help="end the broker when this process has ended")

    up = commands.add_parser("up", parents=[place, cache, life], help="start; print host:port when it is ready")
    up.add_argument("--port", type=int, help="0: a free one (default: that of last time, else 9092)")
    up.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="give up after this long (default: 60)")
    up.add_argument("--heap", default="512m", help="the JVM's -Xmx (default: 512m)")
    up.add_argument(
        "--log-level", default="warn", choices=["trace", "debug", "info", "warn", "error"], help="default: warn"
    )
    up.add_argument(
        "--java-option", action="append", default=[], metavar="OPTION", help="passed to the JVM; repeatable"
    )
    up.set_defaults(run=_up)

    commands.add_parser("down", parents=[place], help="end it and wait").set_defaults(run=_down)
    commands.add_parser("status", parents=[place], help="print host:port, or exit 1 if it is down").set_defaults(
        run=_status
    )
    commands.add_parser("prepare", parents=[cache], help="fetch what `up` needs, start nothing").set_defaults(
        run=_prepare
    )
    watch = commands.add_parser("watch", parents=[place, life], help="(started by `up --for` and `up --while-pid`)")
    watch.add_argument("--pid", type=int, required=True)
    watch.set_defaults(run=_watch)
    return parser
