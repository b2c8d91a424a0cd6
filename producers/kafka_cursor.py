"""How far a topic was read, as text: `0:17,1:4` is "partition 0 from offset 17 on, partition 1 from 4 on"."""

from collections.abc import Mapping


def write_cursor(offsets: Mapping[int, int]) -> str:
    """Return the text."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def read_cursor(text: str) -> dict[int, int]:
    """Return partition → offset. Raises ValueError when the text is no cursor of ours."""
    try:
        pairs = [part.split(":") for part in text.split(",") if part]
        return {int(partition): int(offset) for partition, offset in pairs}
    except ValueError as error:
        raise ValueError(f"expected a cursor like 0:17,1:4 (partition:offset, …), got {text!r}") from error
