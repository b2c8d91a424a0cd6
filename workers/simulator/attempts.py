"""Counts the calls for the same request, so that the steps of its script are consumed one by one."""

import hashlib


class Attempts:
    """How often each request was tried. A request is known by eight bytes of a hash."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def next(self, request: bytes) -> int:
        """Return the number of this attempt of `request`, from 1."""
        short = hashlib.blake2b(request, digest_size=8).digest()
        number = self._counts[short] = self._counts.get(short, 0) + 1
        return number

    def clear(self) -> None:
        """Forget them all."""
        self._counts.clear()
