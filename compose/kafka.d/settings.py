"""The broker's settings: one node that is broker and controller, on the loopback address, for tests and development."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ports import HOST

#: Ten MiB: the largest record of any Headgate topic. compose.yaml and docs/operations/kafka.md say the same.
MESSAGE_MAX_BYTES: Final = 10 * 1024 * 1024

_FIXED: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # one node can hold one copy
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # few partitions are made, and after a crash read again, sooner than the default fifty
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.num.partitions": "5",
    "share.coordinator.state.topic.num.partitions": "1",
    # a topic that nobody made is a mistake that should show
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MESSAGE_MAX_BYTES),
    # a group is complete when its first member is there; tests may want short sessions
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # a transaction whose producer was killed is ended at its own timeout, not up to ten seconds later
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # after kill -9 the controller turns the new broker away until the old one's session is over; the default is 9 s
    "broker.session.timeout.ms": "2500",
    "broker.heartbeat.interval.ms": "500",
    # an idle controller writes, and syncs to disk, nothing
    "metadata.max.idle.interval.ms": "0",
    # the defaults are for machines that do nothing else
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
}


#: A file of the user's in the broker's directory: settings that are laid over ours.
OWN: Final = "own.properties"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker lives: its directory and its two ports. Everything it writes is in the directory."""

    directory: Path
    port: int
    controller_port: int

    @property
    def address(self) -> str:
        """What a client is given: `host:port`."""
        return f"{HOST}:{self.port}"


def render(place: Place) -> str:
    """Return the text of `server.properties`."""
    ours = {
        "listeners": f"PLAINTEXT://{HOST}:{place.port},CONTROLLER://{HOST}:{place.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{place.port}",
        "controller.quorum.voters": f"1@{HOST}:{place.controller_port}",
        "log.dirs": str(place.directory / "data"),
    }
    settings = ours | _FIXED | properties_of(own_settings(place.directory))
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def own_settings(directory: Path) -> str:
    """Return the user's own settings, empty where there are none."""
    own = directory / OWN
    return own.read_text() if own.exists() else ""


def properties_of(text: str) -> dict[str, str]:
    """Read `name=value` lines. Java's escapes and continued lines are not known here."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def ports_of(properties: str) -> tuple[int, int] | None:
    """Return the ports of the first listener and of the last, the controller's; None if none are named."""
    listeners = properties_of(properties).get("listeners")
    if listeners is None:
        return None
    ports = [int(listener.rpartition(":")[2]) for listener in listeners.split(",")]
    return ports[0], ports[-1]
