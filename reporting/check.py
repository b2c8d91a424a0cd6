"""Which values of a batch are events that the ledger can hold. Pure, so that nothing bad reaches the database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ..schemas.usage import Outcome, UsageEvent, decode_event, encode_event

#: As `event_id` spells them. One spelling only, because events are told apart by the text first.
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: The end of year 9999: the last time that people's tools can show. Unix microseconds.
_END: Final = 253_402_300_800_000_000
#: What an INTEGER column holds.
_INTEGER: Final = 2**31
#: A billion dollars: the view's DECIMAL(18, 9) holds less than this. Nano-dollars, tokens or milliseconds.
_MOST: Final = 10**18


@dataclass(frozen=True, slots=True)
class Bad:
    """A value that is no event. `place` is its index in the batch."""

    place: int
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch, sorted out: no two events have one id."""

    #: Canonical JSON, every field present.
    values: list[bytes]
    #: What the values encode.
    events: list[UsageEvent]
    places: list[int]
    bad: list[Bad]
    #: The earliest time among the events, unix microseconds; 0 if there are none.
    earliest_us: int


def check(raws: Sequence[bytes]) -> Checked:
    """Sort a batch out. Of several events with one id the first real one stays, or else the first."""
    bad: list[Bad] = []
    kept: dict[str, tuple[int, UsageEvent]] = {}
    for place, raw in enumerate(raws):
        event = _read(raw)
        if isinstance(event, str):
            bad.append(Bad(place, event))
        elif _replaces(event, kept.get(event.event_id)):
            kept[event.event_id] = (place, event)
    return Checked(
        values=[encode_event(event) for _, event in kept.values()],
        events=[event for _, event in kept.values()],
        places=[place for place, _ in kept.values()],
        bad=bad,
        earliest_us=min((event.ts for _, event in kept.values()), default=0),
    )


def _replaces(event: UsageEvent, kept: tuple[int, UsageEvent] | None) -> bool:
    return kept is None or (kept[1].outcome is Outcome.UNCERTAIN and event.outcome is not Outcome.UNCERTAIN)


def _read(raw: bytes) -> UsageEvent | str:
    """Return the event, or why there is none."""
    try:
        event = decode_event(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    if _UUID.fullmatch(event.event_id) is None:
        return f"expected event_id to be a UUID in lower case, got {event.event_id[:80]!r}"
    if not 0 <= event.ts < _END:
        return f"expected ts to be unix microseconds before the year 10000, got {event.ts}"
    if not _countable(event):
        return "expected counts, costs and durations from 0 to 10^18 and attempts below 2^31, got more or less"
    return event


def _countable(event: UsageEvent) -> bool:
    numbers = (
        event.input_tokens,
        event.cached_tokens,
        event.cache_write_tokens,
        event.output_tokens,
        event.reasoning_tokens,
        event.cache_write_1h_tokens,
        event.input_audio_tokens,
        event.cached_audio_tokens,
        event.output_audio_tokens,
        event.units,
        event.cost_nano,
        event.queue_ms,
        event.latency_ms,
    )
    return (
        min(numbers) >= 0
        and max(numbers) < _MOST
        and 0 <= event.attempt < _INTEGER
        and abs(event.http_status or 0) < _INTEGER
    )
