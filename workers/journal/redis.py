"""The journal on a Redis or Valkey: one key per run, written in one round trip per handful of requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Final, Protocol

import msgspec

from ...schemas.streams import tag
from .port import Claim, Run

_log = logging.getLogger(__name__)

#: A run is remembered this long if nobody says how it ended: longer than any redelivery.
_REMEMBERED_MS: Final = 7 * 24 * 3600 * 1000
_MAX_PAUSE: Final = 1.0

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[str, int, tuple[str, ...]])


class Scripts(Protocol):
    """The one thing the journal needs of a Redis client."""

    async def run(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> object:
        """Run a Lua script and return its answer. Raises `StoreAway` while the server cannot be reached."""
        ...


class StoreAway(Exception):  # noqa: N818 - the name is the state
    """The server cannot be reached now; try again."""


class RedisJournal:
    """Waits while the store is away: no attempt begins that is not written down."""

    def __init__(
        self, scripts: Scripts, prefix: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._scripts = scripts
        self._prefix = f"{tag(prefix)}:run:"
        self._sleep = sleep
        self._claim, self._attempt, self._forget = (
            (files(__package__) / f"{name}.lua").read_text() for name in ("claim", "attempt", "forget")
        )

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Write down that these runs begin, in one round trip."""
        keys = [self._prefix + claim.request_id for claim in claims]
        former = await self._insist(self._claim, keys, (_REMEMBERED_MS, *(_encode(claim.run) for claim in claims)))
        if not isinstance(former, list) or len(former) != len(claims):
            raise TypeError(f"expected {len(claims)} former runs from claim.lua, got {former!r:.200}")
        return [
            claim if raw is None else replace(claim, interrupted=_decode(raw))
            for claim, raw in zip(claims, former, strict=True)
        ]

    async def attempt(self, request_id: str, run: Run) -> None:
        """Write down that a further attempt of `run` begins."""
        await self._insist(self._attempt, [self._prefix + request_id], (_REMEMBERED_MS, _encode(run), _beginning(run)))

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Forget runs whose end is committed. Not insisted on: what stays is forgotten by its age, and does no harm."""
        try:
            await self._scripts.run(
                self._forget,
                [self._prefix + claim.request_id for claim in claims],
                [_beginning(claim.run) for claim in claims],
            )
        except StoreAway:
            _log.warning("runs stay in the journal: the store is away", extra={"count": len(claims)})

    async def _insist(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> object:
        pause = 0.02
        while True:
            try:
                return await self._scripts.run(script, keys, args)
            except StoreAway as error:
                _log.warning("waiting for the store: %s", error)
            await self._sleep(pause)
            pause = min(_MAX_PAUSE, pause * 2)


def _encode(run: Run) -> bytes:
    return _encoder.encode((run.id, run.began_us, run.attempts))


def _beginning(run: Run) -> bytes:
    """Return what `_encode` starts with: the array's mark and the run's id."""
    return _encoder.encode((run.id, 0, ()))[: 1 + len(_encoder.encode(run.id))]


def _decode(raw: bytes) -> Run | None:
    try:
        return Run(*_decoder.decode(raw))
    except msgspec.DecodeError:
        return None  # somebody else's key: it says nothing of a run
