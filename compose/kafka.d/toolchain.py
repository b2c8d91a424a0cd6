"""Find Java 17 or newer, and Maven."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from trouble import Trouble

#: Apache Kafka 4's server classes are compiled for this Java; its clients for 11.
OLDEST_JAVA = 17


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that can run the server. `version` is all that `java -version` says: it keys the cache."""

    path: str
    version: str


def find_java() -> Java:
    """Return `$JAVA_HOME/bin/java`, or the `java` of the path; raise `Trouble` if it is missing or too old."""
    home = os.environ.get("JAVA_HOME")
    path = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if path is None or not os.access(path, os.X_OK):
        given = f"JAVA_HOME={home} has no bin/java" if home else "no `java` on the PATH"
        raise Trouble(
            f"expected Java {OLDEST_JAVA} or newer, got: {given}. "
            "Install one (Debian: apt-get install openjdk-17-jdk-headless maven) or set JAVA_HOME."
        )
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    major = _major(said)
    if major is None or major < OLDEST_JAVA:
        raise Trouble(
            f"expected Java {OLDEST_JAVA} or newer, got: {said.strip().splitlines()[0] if said.strip() else 'nothing'} "
            f"from {path}. Install a newer one, or set JAVA_HOME to it."
        )
    return Java(path, said)


def _major(said: str) -> int | None:
    """Return the major version that `java -version` printed: 17 of `17.0.15`, 8 of `1.8.0_402`."""
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match.group(1)) if match else None


def find_maven() -> str:
    """Return the `mvn` of the path; raise `Trouble` if there is none."""
    path = shutil.which("mvn")
    if path is None:
        raise Trouble(
            "expected Maven (it fetches the server jars from Maven Central, once), got: no `mvn` on the PATH. "
            "Install it (Debian: apt-get install maven), or point HEADGATE_TEST_KAFKA at a broker you have."
        )
    return path
