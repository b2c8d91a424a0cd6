"""The command lines of the JVM: small, and quick to start."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolchain import Java

SERVER: Final = "kafka.Kafka"
STORAGE_TOOL: Final = "kafka.tools.StorageTool"

_QUICK: Final = (
    "-XX:+UseSerialGC",  # no GC threads to start: there are few cores and little heap
    "-XX:TieredStopAtLevel=1",  # the second compiler pays back after minutes; until then it takes the tests' cores
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class Jvm:
    """What the user may choose: the largest heap, the log's level, and options that come last and so win."""

    heap: str = "512m"
    log_level: str = "warn"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runtime:
    """A Java, the server's jars, and (perhaps) an archive of their classes that halves the time of a start."""

    java: Java
    classpath: str
    archive: Path | None

    def command(self, main: str, arguments: Sequence[str], jvm: Jvm = Jvm()) -> list[str]:
        """Return the command that runs `main`."""
        shared = [] if self.archive is None else [f"-XX:SharedArchiveFile={self.archive}"]
        return [
            self.java.path,
            f"-Xmx{jvm.heap}",
            *_QUICK,
            f"-Dorg.slf4j.simpleLogger.defaultLogLevel={jvm.log_level}",
            *shared,
            *jvm.options,
            "-cp",
            self.classpath,
            main,
            *arguments,
        ]
