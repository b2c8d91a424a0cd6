"""Which custom_ids a file has had so far, in some 30 bytes each: a million ids must not cost a hundred megabytes."""

from array import array
from collections.abc import Callable
from typing import Final

#: The table is grown before it is this full (percent): linear probing stays short.
_FULL: Final = 60
_FIRST_SIZE: Final = 1024
_MASK_64: Final = 2**64 - 1


class SeenIds:
    """A hash table of (hash, offset, line). Equal hashes are compared exactly, by reading the earlier line again.

    `id_at` returns the custom_id of the line at a byte offset of the file. A true collision of 64-bit hashes is a
    matter of centuries, so in practice it is called once per duplicate.
    """

    def __init__(self, id_at: Callable[[int], str | None], hash_of: Callable[[str], int] = hash) -> None:
        self._id_at = id_at
        self._hash_of = hash_of
        self._count = 0
        self._make(_FIRST_SIZE)

    def __len__(self) -> int:
        return self._count

    def first_line(self, custom_id: str, offset: int, line: int) -> int | None:
        """Return the line that had `custom_id` before; if none had, remember that `line`, at `offset`, has it."""
        key = self._hash_of(custom_id) & _MASK_64
        lines, mask = self._lines, self._mask
        slot = key & mask
        while lines[slot]:
            if self._hashes[slot] == key and self._id_at(self._offsets[slot]) == custom_id:
                return lines[slot]
            slot = (slot + 1) & mask
        self._hashes[slot], self._offsets[slot], lines[slot] = key, offset, line
        self._count += 1
        if self._count > self._room:
            self._grow()
        return None

    def _make(self, size: int) -> None:
        self._mask = size - 1  # size is a power of two
        self._room = size * _FULL // 100
        self._hashes = array("Q", bytes(8 * size))
        self._offsets = array("Q", bytes(8 * size))
        self._lines = array("I", bytes(4 * size))  # 0: free, lines count from 1

    def _grow(self) -> None:
        old = zip(self._hashes, self._offsets, self._lines, strict=True)
        self._make(2 * len(self._lines))
        hashes, offsets, lines, mask = self._hashes, self._offsets, self._lines, self._mask
        for key, offset, line in old:
            if line:
                slot = key & mask
                while lines[slot]:
                    slot = (slot + 1) & mask
                hashes[slot], offsets[slot], lines[slot] = key, offset, line
