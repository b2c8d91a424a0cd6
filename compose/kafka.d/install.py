"""Get the server jars, once, and make the JVM start quickly with them.

The first time Maven resolves the jars and a throw-away broker is run so that the JVM can write an archive of the
classes it loaded (class data sharing). Both results are kept; the next start needs neither Maven nor a network.
"""

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import broker
import watch
from ports import free_port
from processes import end
from runtime import Jvm, Runtime
from settings import Place
from toolchain import find_java, find_maven
from trouble import Trouble

POM: Final = Path(__file__).with_name("pom.xml")
_GOAL: Final = "dependency:build-classpath"
_MAVEN_SECONDS: Final = 900
_PRIME_SECONDS: Final = 120


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold the file lock `path`: one process at a time, released by the kernel whatever happens to us."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prepare(cache: Path) -> Runtime:
    """Return what it takes to run a broker, from `cache` if it is there; raise `Trouble` if it cannot be had."""
    java = find_java()
    key = hashlib.sha256(POM.read_bytes() + java.version.encode() + java.path.encode()).hexdigest()[:16]
    home = cache / key
    with locked(cache / f"{key}.lock"):
        home.mkdir(exist_ok=True)
        runtime = Runtime(java, _classpath(home), None)
        return replace(runtime, archive=_archive(home, runtime))


def _classpath(home: Path) -> str:
    """Return the class path; a cached one counts only while all of its jars are there."""
    kept = home / "classpath"
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text().split(os.pathsep)):
        return kept.read_text()
    fresh = home / "classpath.new"
    _resolve(fresh)
    (home / _ARCHIVE).unlink(missing_ok=True)
    fresh.replace(kept)
    return kept.read_text()


def _resolve(into: Path) -> None:
    """Let Maven fetch the jars, checksums enforced, and write the class path."""
    command = [
        find_maven(),
        *("--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums", "-Dmaven.artifact.threads=12"),
        *("--file", str(POM), "-Dmdep.includeScope=runtime", f"-Dmdep.outputFile={into}", _GOAL),
    ]
    tell("fetching the server jars with Maven (once; up to a minute or two) ...")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_MAVEN_SECONDS)  # noqa: PLW1510 - the status is read below
    except subprocess.TimeoutExpired as error:
        raise Trouble(
            f"expected Maven to finish within {_MAVEN_SECONDS} s; check that Maven Central is near"
        ) from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Trouble(
            f"expected Maven to resolve {POM}, got status {done.returncode}. Is Maven Central, or a mirror of it in "
            f"~/.m2/settings.xml, reachable?\n{said}"
        )


_ARCHIVE: Final = "classes.jsa"


def _archive(home: Path, runtime: Runtime) -> Path | None:
    """Return the archive of the server's classes, made if need be; None where this JVM makes none."""
    archive, refused = home / _ARCHIVE, home / "no-archive"
    if archive.exists():
        return archive
    if refused.exists():
        return None
    for left in home.glob("prime-*"):
        shutil.rmtree(left)  # of one that was killed; we hold the lock
    tell("preparing quick starts (once; a few seconds) ...")
    with tempfile.TemporaryDirectory(dir=home, prefix="prime-") as scratch:
        made = Path(scratch, _ARCHIVE)
        _prime(runtime, Path(scratch), Jvm(options=(f"-XX:ArchiveClassesAtExit={made}",)))
        if made.exists():
            return made.rename(archive)
    refused.touch()  # slower starts are no reason to fail, nor to try every time
    return None


def _prime(runtime: Runtime, scratch: Path, jvm: Jvm) -> None:
    """Run a broker until it is ready, and let it end."""
    rng = random.Random()
    port = free_port(rng)
    place = Place(scratch, port, free_port(rng, frozenset({port})))
    process = broker.start(runtime, place, jvm)
    watch.spawn(process.pid, scratch, watch.Life(owner=os.getpid()))  # also when we are killed half-way
    try:
        broker.wait_until_ready(process, place, _PRIME_SECONDS)
    finally:
        end(process.pid, broker.PATIENCE)
        process.wait()


def tell(text: str) -> None:
    """Say something to people: on stderr, for stdout carries the address alone."""
    sys.stderr.write(f"kafka: {text}\n")
