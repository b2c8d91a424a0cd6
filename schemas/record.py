"""The one shape in which data crosses the bus, whatever the bus is."""

from collections.abc import Sequence

import msgspec

from .headers import SECRETS

#: Header values are bytes and may be anything, `None` included: producers in other languages send what they like.
Headers = tuple[tuple[str, bytes | None], ...]


class Record(msgspec.Struct, frozen=True):
    """What is read from, or appended to, a topic."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()

    def __repr__(self) -> str:
        """Show all but secrets: records end up in logs and tracebacks."""
        shown = tuple((name, b"***" if name.lower() in SECRETS else value) for name, value in self.headers)
        return f"Record(topic={self.topic!r}, value={self.value!r}, key={self.key!r}, headers={shown!r})"


def header(headers: Sequence[tuple[str, bytes | None]], *names: str) -> bytes | None:
    """Return the first non-null value among `names`, in the order of `names`."""
    for name in names:
        for candidate, value in headers:
            if candidate == name and value is not None:
                return value
    return None
