"""An HTTP exchange as plain values: what wire families make and read, and the shell carries out."""

from typing import Final

import msgspec

#: Sent with every call, so that provider, simulator and ledger can be compared attempt by attempt.
ATTEMPT_HEADER: Final = "X-Client-Request-Id"
REQUEST_HEADER: Final = "X-Headgate-Request"


class HttpCall(msgspec.Struct, frozen=True):
    """One POST."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    #: What was left out or put otherwise because the target cannot honour it, for the reply: one clause each.
    notes: tuple[str, ...] = ()
    #: How often it is made, at once, by one attempt: each makes one of the choices that were asked for.
    twins: int = 1

    def __repr__(self) -> str:
        """Show where it goes: headers may hold a credential, and bodies are long."""
        return f"HttpCall(url={self.url!r}, notes={self.notes!r})"


class HttpReply(msgspec.Struct, frozen=True):
    """What came back, whole. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
