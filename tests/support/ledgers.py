"""Usage events and a usage topic in files, for tests of the ledger and the recorder."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headgate.schemas.usage import Cause, Outcome, UsageEvent, encode_event, event_id
from headgate.workers.bus.port import UsageSlice

#: 2026-01-01T00:00:00Z in unix microseconds.
NEW_YEAR_US = 1_767_225_600_000_000


def an_event(number: int, **changes: object) -> UsageEvent:
    """Return the usage event number so-and-so: the same number, the same event."""
    event = UsageEvent(
        event_id=event_id(f"run-{number}", 1),
        request_id=f"request-{number}",
        ts=NEW_YEAR_US + number * 1_000,
        outcome=Outcome.SUCCEEDED,
        cause=Cause.FIRST,
        attempt=1,
        key=f"key-{number % 3}",
        lane="standard",
        endpoint="/v1/chat/completions",
        model=f"model-{number % 2}",
        deployment="small-a",
        provider="openai",
        upstream_model="gpt-4o-mini",
        batch="nightly" if number % 4 == 0 else None,
        http_status=200,
        input_tokens=100 + number,
        cached_tokens=number,
        output_tokens=10,
        cost_nano=1_000 + number,
        price_version="genai-prices 0.0.0",
        metadata={"team": "search"},
    )
    return msgspec.structs.replace(event, **changes)


def a_value(number: int, **changes: object) -> bytes:
    return encode_event(an_event(number, **changes))


def a_slice(*values: bytes, partition: str = "usage/0", cursor: str = "1") -> UsageSlice:
    return UsageSlice(partition, values, cursor)


class FileSource:
    """A usage topic in a directory: a file per partition, a line per value. What is recorded is trimmed.

    Reading before the trimmed part fails, so a recorder that reports too early is found out at its next start.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._at: dict[str, int] = {}

    async def start(self, cursors: Mapping[str, str]) -> None:
        for path in sorted(self._directory.glob("*.jsonl")):
            at, trimmed = int(cursors.get(path.stem, "0")), self._trimmed(path.stem)
            if at < trimmed:
                raise AssertionError(f"{path.stem}: the ledger wants {at}, but everything before {trimmed} is trimmed")
            self._at[path.stem] = at

    async def read(self, max_records: int, max_wait_seconds: float) -> Sequence[UsageSlice]:
        slices: list[UsageSlice] = []
        for partition in self._at:
            values = self._lines(partition)[: max_records - sum(len(part.values) for part in slices)]
            if values:
                self._at[partition] += sum(len(value) + 1 for value in values)
                slices.append(UsageSlice(partition, values, str(self._at[partition])))
        if not slices:
            await asyncio.sleep(max_wait_seconds)
        return slices

    async def recorded(self, cursors: Mapping[str, str]) -> None:
        for partition, cursor in cursors.items():
            mark = self._directory / f"{partition}.trimmed"
            new = mark.with_suffix(".new")
            new.write_text(cursor)
            new.replace(mark)

    def lag(self) -> int | None:
        return sum(len(self._lines(partition)) for partition in self._at)

    async def stop(self) -> None:
        return

    def _trimmed(self, partition: str) -> int:
        mark = self._directory / f"{partition}.trimmed"
        return int(mark.read_text()) if mark.exists() else 0

    def _lines(self, partition: str) -> list[bytes]:
        with (self._directory / f"{partition}.jsonl").open("rb") as file:
            file.seek(self._at[partition])
            return file.read().splitlines()


def write_values(directory: Path, partition: str, values: Sequence[bytes]) -> None:
    """Append values to a partition of the topic that `FileSource` reads."""
    with (directory / f"{partition}.jsonl").open("ab") as file:
        file.write(b"".join(value + b"\n" for value in values))
