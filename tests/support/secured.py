"""Secured servers for tests: an Apache Kafka with secured listeners only, a Redis with TLS."""

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from headgate.workers.embedded import with_parent
from support.authority import Authority, Certificate

#: What must never be read anywhere but in the config and by its peer. The second is spelt otherwise in a URL.
SECRETS = {
    "scram": "Zx9-scram-words-nobody-knows",
    "plain": "Qy8+plain/words&nobody:knows",
    "wrong": "Wv7-words-that-open-nothing",
}
#: The environment that configs refer to.
ENVIRONMENT = {f"HEADGATE_TEST_{name.upper()}": secret for name, secret in SECRETS.items()}
USER = "headgate-app"
_PATIENCE = 20.0


#: Listener → its protocol. Each takes one way in; nothing is open to a client that has none.
LISTENERS = {
    "MTLS": "SSL",
    "SCRAM": "SASL_SSL",
    "PLAIN": "SASL_SSL",
    "CLEAR": "SASL_PLAINTEXT",
    #: Its certificate names another host.
    "ELSEWHERE": "SASL_SSL",
}
_MECHANISMS = {"SCRAM": "SCRAM-SHA-512", "PLAIN": "PLAIN", "CLEAR": "SCRAM-SHA-256", "ELSEWHERE": "SCRAM-SHA-512"}


@dataclass(frozen=True)
class SecuredKafka:
    """The listeners of a broker, and what it takes to enter by each."""

    ports: dict[str, int]
    authority: Authority
    client: Certificate = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", self.authority.issue(USER))

    def address(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def config(self, listener: str, **changes: object) -> dict[str, object]:
        """A right `bus.kafka` for `listener`, or, with `changes`, a wrong one. Secrets are in `environment`."""
        found: dict[str, object] = {"bootstrap_servers": [self.address(listener)]}
        if LISTENERS[listener].endswith("SSL"):
            found["tls"] = {"ca_file": str(self.authority.file)}
        if listener == "MTLS":
            found["tls"] = {**self.tls, "cert_file": str(self.client.cert), "key_file": str(self.client.key)}
        else:
            variable = "HEADGATE_TEST_PLAIN" if listener == "PLAIN" else "HEADGATE_TEST_SCRAM"
            mechanism = _MECHANISMS[listener]
            found["sasl"] = {"mechanism": mechanism, "username": USER, "password": f"os.environ/{variable}"}
        merged = {**found, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    @property
    def tls(self) -> dict[str, object]:
        return {"ca_file": str(self.authority.file)}


def write_broker_settings(directory: Path, authority: Authority) -> None:
    """Lay out what `compose/kafka` needs in a broker's directory to open secured listeners only."""
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / "own.properties").exists():
        return
    scram = [f"{mechanism}=[name={USER},password={SECRETS['scram']}]" for mechanism in set(_MECHANISMS.values())]
    (directory / "scram-users").write_text("\n".join(text for text in scram if text.startswith("SCRAM")))
    settings = _broker_settings(authority)
    (directory / "own.properties").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def _broker_settings(authority: Authority) -> dict[str, str]:
    ports = dict(zip((*LISTENERS, "CONTROLLER"), free_ports(len(LISTENERS) + 1), strict=True))
    addresses = [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]
    server = authority.issue("localhost", "localhost", "127.0.0.1")
    elsewhere = authority.issue("elsewhere", "kafka.elsewhere.example")
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    protocols = {**LISTENERS, "CONTROLLER": "SSL"}
    settings = {
        "listeners": ",".join(addresses),
        "advertised.listeners": ",".join(addresses[:-1]),
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
        "inter.broker.listener.name": "MTLS",
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "listener.name.elsewhere.ssl.keystore.location": str(elsewhere.both),
        "listener.name.plain.plain.sasl.jaas.config": f'{plain} required user_{USER}="{SECRETS["plain"]}";',
        "connection.failed.authentication.delay.ms": "100",
    }
    for listener, mechanism in _MECHANISMS.items():
        name = f"listener.name.{listener.lower()}"
        settings[f"{name}.sasl.enabled.mechanisms"] = mechanism
        if mechanism.startswith("SCRAM"):
            settings[f"{name}.{mechanism.lower()}.sasl.jaas.config"] = scram
    return settings


def read_ports(directory: Path) -> dict[str, int]:
    """Return listener → port, as the broker of `directory` has them."""
    for text in (directory / "own.properties").read_text().splitlines():
        if text.startswith("listeners="):
            pairs = (each.split("://127.0.0.1:") for each in text.partition("=")[2].split(","))
            return {name: int(port) for name, port in pairs}
    raise AssertionError("no listeners")


def free_ports(count: int) -> list[int]:
    """Return ports below those that the kernel gives to clients: a restarting broker must find its own free."""
    found: set[int] = set()
    rng = random.Random()
    while len(found) < count:
        port = rng.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.add(port)
    return list(found)


@dataclass(frozen=True)
class SecuredRedis:
    """A Redis that is reached by TLS only, its user and its password."""

    port: int
    authority: Authority
    client: Certificate

    def url(self, host: str = "127.0.0.1", *, user: str = "", scheme: str = "rediss") -> str:
        who = f"{user}@" if user else ""
        return f"{scheme}://{who}{host}:{self.port}/0"

    def config(self, **changes: object) -> dict[str, object]:
        """A right `redis` part, by user, password and certificate; with `changes`, perhaps a wrong one."""
        right = {
            "url": self.url(user=USER),
            "password": "os.environ/HEADGATE_TEST_PLAIN",
            "tls": {
                "ca_file": str(self.authority.file),
                "cert_file": str(self.client.cert),
                "key_file": str(self.client.key),
            },
        }
        return {name: value for name, value in {**right, **changes}.items() if value is not None}

    @property
    def quoted_password(self) -> str:
        return quote(SECRETS["plain"], safe="")


def redis_with_tls() -> str:
    """Return a redis-server or valkey-server that speaks TLS; skip, loudly, where there is none."""
    for name in ("redis-server", "valkey-server"):
        binary = shutil.which(name)
        if binary is not None:
            command = [binary, "--port", "0", "--tls-port", "0", "--tls-cert-file", "none"]
            said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
            # built without TLS, it does not know the word
            if "Bad directive" not in said.stdout + said.stderr:
                return binary
    pytest.skip(
        "NO redis-server OR valkey-server WITH TLS HERE, rediss:// was not tested; apt-get install redis-server"
    )


@contextmanager
def secured_redis(
    directory: Path, authority: Authority, *, clients: str = "yes", host: str = "", port: int = 0
) -> Iterator[SecuredRedis]:
    """Run a Redis. `clients`: whether it asks for certificates: yes, optional or no. `host`: whom its own names."""
    binary = redis_with_tls()
    server = authority.issue(host, host) if host else authority.issue("localhost", "localhost", "127.0.0.1")
    directory.mkdir(parents=True, exist_ok=True)
    for number in (port,) if port else free_ports(3):
        with _running([binary, *_redis_options(directory, authority, server, number, clients)], number) as listens:
            if listens:
                yield SecuredRedis(number, authority, authority.issue(USER))
                return
    raise AssertionError((directory / "redis.log").read_text())


@contextmanager
def redis_in_the_clear() -> Iterator[int]:
    """Run a Redis without TLS on a port of its own; it keeps nothing."""
    binary = redis_with_tls()
    for number in free_ports(3):
        with _running([binary, "--port", str(number), "--bind", "127.0.0.1", "--save", ""], number) as listens:
            if listens:
                yield number
                return
    raise AssertionError("no port was free")


@contextmanager
def _running(command: list[str], port: int) -> Iterator[bool]:
    """Run a server that dies with us; say whether it came up."""
    starter = [sys.executable, with_parent.__file__, str(os.getpid()), *command]
    with subprocess.Popen(starter, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _listens(process, port)
        finally:
            process.terminate()


def _redis_options(directory: Path, authority: Authority, server: Certificate, port: int, clients: str) -> list[str]:
    acl = directory / "users.acl"
    acl.write_text(f"user default off\nuser {USER} on ~* &* +@all >{SECRETS['plain']}\n")
    options = {
        "port": "0",
        "tls-port": str(port),
        "bind": "127.0.0.1",
        "tls-cert-file": str(server.cert),
        "tls-key-file": str(server.key),
        "tls-ca-cert-file": str(authority.file),
        "tls-auth-clients": clients,
        "aclfile": str(acl),
        "dir": str(directory),
        "logfile": str(directory / "redis.log"),
        "save": "",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.02)
    return False


def assert_no_secret(text: str, *certificates: Certificate) -> None:
    """Hold a text to what it must not tell: no password, however it is spelt, and no line of a key."""
    from headgate.workers.ops.masking import _spellings  # noqa: PLC0415

    for secret in SECRETS.values():
        for spelling in _spellings(secret):
            assert spelling not in text
    for certificate in certificates:
        for line in certificate.key_lines():
            assert line not in text
