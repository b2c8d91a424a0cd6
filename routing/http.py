"""An HTTP exchange as plain values: what wire families make and read, and the shell carries out."""

from dataclasses import dataclass, field
from typing import Final

#: Sent with every call, so that provider, simulator and ledger can be compared attempt by attempt.
ATTEMPT_HEADER: Final = "X-Client-Request-Id"
REQUEST_HEADER: Final = "X-Headgate-Request"


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One POST. `headers` may hold a credential, so they are not shown."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    #: What was left out or put otherwise because the target cannot honour it, for the reply: one clause each.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back, whole. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
