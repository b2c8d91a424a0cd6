"""How many records to ask for at a time, when a bus counts records and memory counts bytes."""

from collections.abc import Sequence
from typing import Final

_FIRST: Final = 16


class Portion:
    """Follows the size of what came last: grows at most twofold per look, shrinks at once."""

    def __init__(self, most_records: int, about_bytes: int) -> None:
        self._most = most_records
        self._bytes = about_bytes
        self.count = min(_FIRST, most_records)

    def __repr__(self) -> str:
        return f"<Portion {self.count} of {self._most}>"

    def learn(self, values: Sequence[bytes | None]) -> None:
        """Take note of the values that came."""
        if values:
            size = sum(len(value or b"") for value in values) / len(values)
            self.count = max(1, min(int(self._bytes / (size + 1)), self.count * 2, self._most))
