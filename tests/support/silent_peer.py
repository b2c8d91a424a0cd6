"""A server with TLS that hears a connection's end and does not say its own."""

import socket
import ssl
import threading
from pathlib import Path

#: Seconds for anything that should take none.
_PATIENCE = 20


class SilentPeer:
    """Takes one connection, answers each thing that comes in the same way, and waits for what comes after the end.

    A peer that answered the end would hide whether the client waits for that.
    """

    def __init__(self, both: Path, answer: bytes = b"") -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(both)
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(_PATIENCE)
        self.port: int = self._listening.getsockname()[1]
        #: What came after the client's word that it closes: nothing, once it has closed the connection itself.
        self.afterwards: bytes | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the client's connection is at its end."""
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), "the connection is still open"
        self._listening.close()

    def _serve(self) -> None:
        with self._listening.accept()[0] as raw, self._context.wrap_socket(raw, server_side=True) as secured:
            secured.settimeout(_PATIENCE)
            try:
                self.afterwards = self._hear(secured)
            except ConnectionResetError:  # as a socket closes that has something unread
                self.afterwards = b""

    def _hear(self, secured: ssl.SSLSocket) -> bytes:
        while secured.recv(1024):
            secured.sendall(self._answer)
        with socket.socket(fileno=secured.detach()) as bare:
            bare.settimeout(_PATIENCE)
            return bare.recv(1024)
