"""Ask a broker, in its own protocol, whether it is ready for clients, groups and transactions.

An open port proves nothing: a broker that is still loading refuses what clients ask first. Source of the layouts:
Apache Kafka's protocol guide, https://kafka.apache.org/protocol (versions chosen low, and present in every 4.x).
"""

import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trouble import Trouble

_API_VERSIONS: Final = (18, 0)
_METADATA: Final = (3, 1)
_FIND_COORDINATOR: Final = (10, 1)

_GROUP: Final = 0
_TRANSACTION: Final = 1

_CLIENT: Final = b"headgate-handshake"


@dataclass(frozen=True, slots=True)
class NotReady:
    """The broker is not there yet; `why` is for the message of whoever gives up waiting."""

    why: str


def door_of(properties: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return how to connect to the first listener: None in the clear, or TLS as the broker itself would.

    A listener with TLS is asked with the broker's own certificate, so that it may ask for one.
    """
    name = properties["listeners"].partition(":")[0]
    protocols = dict(pair.split(":") for pair in properties["listener.security.protocol.map"].split(","))
    if protocols[name] == "PLAINTEXT":
        return None
    if protocols[name] != "SSL":
        raise Trouble(
            f"expected the first listener to be of PLAINTEXT or SSL, got {name} of {protocols[name]}; name another "
            "first, for the one that is first is asked whether the broker is ready"
        )
    context = ssl.create_default_context(cafile=properties["ssl.truststore.location"])
    context.check_hostname = False  # it is on the loopback address, whatever its name may be
    context.load_cert_chain(properties["ssl.keystore.location"])
    return context


def handshake(host: str, port: int, door: ssl.SSLContext | None, timeout: float = 5.0) -> NotReady | None:
    """Return None when the broker is ready, else why not.

    Asking for the two coordinators also makes the broker create their topics, which the first client would otherwise
    wait for.
    """
    try:
        with socket.create_connection((host, port), timeout) as connection:
            if door is None:
                return _ask_all(connection)
            with door.wrap_socket(connection) as secured:
                return _ask_all(secured)
    except (OSError, struct.error) as error:
        return NotReady(f"{type(error).__name__}: {error}")


def _ask_all(connection: socket.socket) -> NotReady | None:
    (error,) = struct.unpack_from(">h", _ask(connection, _API_VERSIONS, b""))
    if error:
        return NotReady(f"ApiVersions answered error {error}")
    (brokers,) = struct.unpack_from(">i", _ask(connection, _METADATA, struct.pack(">i", 0)))
    if brokers < 1:
        return NotReady("the metadata name no broker yet")
    for kind in (_GROUP, _TRANSACTION):
        body = _string(b"headgate-handshake") + struct.pack(">b", kind)
        _throttled, error = struct.unpack_from(">ih", _ask(connection, _FIND_COORDINATOR, body))
        if error:
            return NotReady(f"FindCoordinator({kind}) answered error {error}")
    return None


def _ask(connection: socket.socket, api: tuple[int, int], body: bytes) -> bytes:
    """Send one request and return the body of its response."""
    request = struct.pack(">hhi", *api, 0) + _string(_CLIENT) + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    return _exactly(connection, size)[4:]


def _string(text: bytes) -> bytes:
    return struct.pack(">h", len(text)) + text


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError(f"the broker closed the connection after {len(data)} of {size} bytes")
        data += more
    return data
