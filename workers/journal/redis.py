"""The journal on a Redis or Valkey: one key per run, written in one round trip per handful of requests."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Final, Protocol, cast

import msgspec

from ...producers.redis_link import LinkDown, LinkFull, Script, insist
from ...schemas.streams import tag
from .port import Claim, Run

_log = logging.getLogger(__name__)

#: A run is remembered this long if nobody says how it ended: longer than any redelivery.
_REMEMBERED_MS: Final = 7 * 24 * 3600 * 1000

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[str, int, tuple[str, ...]])


class Scripts(Protocol):
    """The one thing the journal needs of a connection; `RedisLink` has it."""

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> object:
        """Run a script and return its answer. Raises `LinkError`."""
        ...


class RedisJournal:
    """Waits while the store is away: no attempt begins that is not written down."""

    def __init__(self, scripts: Scripts, prefix: str) -> None:
        self._scripts = scripts
        self._prefix = f"{tag(prefix)}:run:"
        self._claim, self._attempt, self._forget = (_script(name) for name in ("claim", "attempt", "forget"))

    def __repr__(self) -> str:
        return f"<RedisJournal {self._scripts!r}>"

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Write down that these runs begin, in one round trip."""
        keys = [self._key(claim.request_id) for claim in claims]
        args: list[bytes | int] = [_REMEMBERED_MS, *(_encode(claim.run) for claim in claims)]
        # no client knows what a script answers; this one gives for each key the runs that it held
        former = cast("Sequence[Sequence[bytes]]", await self._insist(self._claim, keys, args))
        if not isinstance(former, list) or len(former) != len(claims):
            raise TypeError(f"expected {len(claims)} former runs from claim.lua, got {former!r:.200}")
        return [
            replace(claim, interrupted=_decode_all(runs)) if runs else claim
            for claim, runs in zip(claims, former, strict=True)
        ]

    async def attempt(self, request_id: str, run: Run) -> None:
        """Write down that a further attempt of `run` begins."""
        await self._insist(self._attempt, [self._key(request_id)], (_REMEMBERED_MS, _encode(run), _beginning(run)))

    async def forget(self, claims: Sequence[Claim]) -> None:
        """Forget runs whose end is committed. Not insisted on: what stays is forgotten by its age, and does no harm."""
        keys = [self._key(claim.request_id) for claim in claims]
        try:
            await self._scripts.run(self._forget, keys, [_beginning(claim.run) for claim in claims])
        except LinkDown as error:
            _log.warning("runs stay in the journal: %s", error, extra={"count": len(claims)})

    def _key(self, request_id: str) -> str:
        return self._prefix + request_id

    async def _insist(self, script: Script, keys: Sequence[str], args: Sequence[bytes | int]) -> object:
        """Try until it is written down. The scripts may run twice."""

        async def attempt() -> object:
            try:
                return await self._scripts.run(script, keys, args)
            except LinkFull as error:
                raise LinkDown(f"the store is full: {error}") from error  # it empties as requests are completed

        return await insist(attempt, on_trouble=lambda error: _log.warning("waiting for the store: %s", error))


def _script(name: str) -> Script:
    return Script.of((files("headgate.workers.journal") / f"{name}.lua").read_text("utf-8"))


def _encode(run: Run) -> bytes:
    return _encoder.encode((run.id, run.began_us, run.attempts))


def _beginning(run: Run) -> bytes:
    """Return what `_encode` starts with: the array's mark and the run's id."""
    return _encoder.encode((run.id, 0, ()))[: 1 + len(_encoder.encode(run.id))]


def _decode_all(raws: Sequence[bytes]) -> tuple[Run, ...]:
    return tuple(run for raw in raws if (run := _decode(raw)) is not None)


def _decode(raw: bytes) -> Run | None:
    try:
        return Run(*_decoder.decode(raw))
    except msgspec.DecodeError:
        return None  # somebody else's entry: it says nothing of a run
