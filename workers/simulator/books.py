"""The books: one line per attempt, packed into two long strings of bytes, about 120 bytes an attempt.

A line is opened when the request has arrived and closed when its answer is sent or cannot be any more. The totals are
kept up to date, so that asking for them costs the same after a million attempts as after one.
"""

import struct
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Final, NamedTuple

import msgspec

from .faults import Kind
from .outcomes import Outcome
from .tokens import Usage

_OUTCOMES: Final = tuple(Outcome)
_OUTCOME_NUMBER: Final = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
_OPEN: Final = _OUTCOME_NUMBER[Outcome.OPEN]
_KINDS: Final = tuple(Kind)
_KIND_NUMBER: Final = {kind: number for number, kind in enumerate(_KINDS)}
#: The two parts of a line, as `_Line` names their fields.
_BEGINNING: Final = struct.Struct("<qQBBHBB")
_END: Final = struct.Struct("<BBHIIIIII")
_LINE: Final = struct.Struct(_BEGINNING.format + _END.format.removeprefix("<"))
_MODEL: Final = 4
_NO_END: Final = _END.pack(_OPEN, 0, 0, 0, 0, 0, 0, 0, 0)
_NOTHING: Final = Usage(0)
#: Longer ids are cut.
_LONGEST_ID: Final = 200
#: More models than this are one in the books.
_MOST_MODELS: Final = 10_000
_OTHER_MODEL: Final = "(other)"


class _Line(NamedTuple):
    """A line as it is packed: names are numbers, and of the ids there is only where they are."""

    arrived: int
    ids: int
    client: int
    request: int
    model: int
    endpoint: int
    fault: int
    outcome: int
    billed: int
    status: int
    input: int
    cached: int
    output: int
    reasoning: int
    written: int
    units: int


class Entry(msgspec.Struct, frozen=True):
    """One attempt. Tokens are 0 unless it is billed."""

    #: Counts the attempts from the last reset, from 0, in the order of arrival.
    number: int
    #: The `x-request-id` of the answer.
    request_id: str
    #: The request's `X-Client-Request-Id`, empty for none.
    client_request_id: str
    #: Tells the attempts of one request: its `X-Headgate-Request`, or else 32 digits of its body's SHA-256.
    request: str
    #: The path that was asked, with `{model}` in place of one.
    endpoint: str
    model: str
    #: Unix nanoseconds.
    arrived_ns: int
    outcome: Outcome
    #: The HTTP status that was sent, 0 for none.
    status: int
    fault: Kind
    billed: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cache_write_tokens: int
    #: What is billed beside tokens, or instead: images, search units, moderations, seconds of sound.
    units: int


class Sum(msgspec.Struct):
    """What the attempts for one model come to. Tokens are of billed attempts; a cache's are part of the input."""

    attempts: int = 0
    billed: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    units: int = 0

    def add(self, usage: Usage) -> None:
        """Bill one attempt."""
        self.billed += 1
        self.input_tokens += usage.input
        self.cached_tokens += usage.cached
        self.output_tokens += usage.output
        self.reasoning_tokens += usage.reasoning
        self.cache_write_tokens += usage.written
        self.units += usage.units


class Totals(msgspec.Struct, frozen=True):
    """What all attempts come to."""

    attempts: int
    billed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cache_write_tokens: int
    units: int
    #: Attempts by outcome; those that did not occur are 0.
    outcomes: dict[Outcome, int]
    models: dict[str, Sum]


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What is known of an attempt when it arrives."""

    client_request_id: bytes
    request: bytes
    endpoint: str
    model: str
    fault: Kind
    arrived_ns: int


class Books:
    """The attempts since the start or the last reset."""

    def __init__(self, first: int = 0) -> None:
        #: The number of all attempts before these books: request ids go on through a reset.
        self._first = first
        self._lines = bytearray()
        self._ids = bytearray()
        self._endpoint_number: dict[str, int] = {}
        self._model_number: dict[str, int] = {}
        self._sums: list[Sum] = []
        self._counts = [0] * len(_OUTCOMES)

    def __len__(self) -> int:
        return len(self._lines) // _LINE.size

    def __repr__(self) -> str:
        counts = ", ".join(f"{self._counts[n]} {outcome}" for n, outcome in enumerate(_OUTCOMES) if self._counts[n])
        return f"<Books {len(self)} attempts: {counts or 'none'}>"

    @property
    def next(self) -> int:
        """The number that goes into the next request id."""
        return self._first + len(self)

    def open(self, opening: Opening) -> int:
        """Begin the line of an attempt; return its number."""
        number = len(self)
        client, request = opening.client_request_id[:_LONGEST_ID], opening.request[:_LONGEST_ID]
        model = self._model(opening.model)
        beginning = _BEGINNING.pack(
            opening.arrived_ns,
            len(self._ids),
            len(client),
            len(request),
            model,
            self._endpoint_number.setdefault(opening.endpoint, len(self._endpoint_number)),
            _KIND_NUMBER[opening.fault],
        )
        self._ids += client + request
        self._lines += beginning + _NO_END
        self._sums[model].attempts += 1
        self._counts[_OPEN] += 1
        return number

    def close(self, number: int, outcome: Outcome, status: int, usage: Usage | None) -> None:
        """End the line of an attempt; `usage` is what is billed, None for nothing."""
        chosen = _OUTCOME_NUMBER[outcome]
        self._counts[_OPEN] -= 1
        self._counts[chosen] += 1
        place = number * _LINE.size
        billed = usage is not None
        given = usage or _NOTHING
        tokens = (given.input, given.cached, given.output, given.reasoning, given.written, given.units)
        _END.pack_into(self._lines, place + _BEGINNING.size, chosen, billed, status, *tokens)
        if billed:
            model: int = _LINE.unpack_from(self._lines, place)[_MODEL]
            self._sums[model].add(given)

    def _model(self, name: str) -> int:
        """Return the number of a model, giving it one if it is new and there is room."""
        number = self._model_number.get(name)
        if number is not None:
            return number
        name = name[:_LONGEST_ID] if len(self._sums) < _MOST_MODELS else _OTHER_MODEL
        number = self._model_number.setdefault(name, len(self._sums))
        if number == len(self._sums):
            self._sums.append(Sum())
        return number

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """Return the lines from number `since` on, as they are when they are reached."""
        models = list(self._model_number)
        endpoints = list(self._endpoint_number)
        for number in range(max(0, since), len(self)):
            yield self._entry(number, models, endpoints)

    def _entry(self, number: int, models: Sequence[str], endpoints: Sequence[str]) -> Entry:
        line = _Line(*_LINE.unpack_from(self._lines, number * _LINE.size))
        middle = line.ids + line.client
        end = middle + line.request
        return Entry(
            number,
            request_id(self._first + number),
            self._ids[line.ids : middle].decode("latin-1"),
            self._ids[middle:end].decode("latin-1"),
            endpoints[line.endpoint],
            models[line.model],
            line.arrived,
            _OUTCOMES[line.outcome],
            line.status,
            _KINDS[line.fault],
            bool(line.billed),
            line.input,
            line.cached,
            line.output,
            line.reasoning,
            line.written,
            line.units,
        )

    def totals(self) -> Totals:
        """Return what all attempts come to."""
        sums = self._sums
        return Totals(
            attempts=len(self),
            billed=sum(each.billed for each in sums),
            input_tokens=sum(each.input_tokens for each in sums),
            cached_tokens=sum(each.cached_tokens for each in sums),
            output_tokens=sum(each.output_tokens for each in sums),
            reasoning_tokens=sum(each.reasoning_tokens for each in sums),
            cache_write_tokens=sum(each.cache_write_tokens for each in sums),
            units=sum(each.units for each in sums),
            outcomes=dict(zip(_OUTCOMES, self._counts, strict=True)),
            models=dict(zip(self._model_number, map(copy, sums), strict=True)),
        )


def request_id(number: int) -> str:
    """Return the `x-request-id` of attempt `number` since the start."""
    return f"req_{number:016x}"
