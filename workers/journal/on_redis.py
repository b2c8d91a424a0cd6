"""The journal on a Redis or Valkey: one script call per handful of requests, whatever is asked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Final, Protocol, TypeVar, cast

from ...producers.redis_link import LinkDown, LinkFull, Script, insist
from ...routing.admission.demand import Mark
from ...schemas.streams import tag
from .claims import REMEMBERED_MS, Answer, Claim, Claimed, Keeping, Mine, Reused, Run, Taken
from .entries import (
    STAMP_DIGITS,
    answered,
    beginning_of,
    encode_answer,
    encode_open,
    encode_place,
    encode_run,
    interrupted_in,
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: Requests per script call: a call keeps everybody else waiting, so it stays well below two milliseconds.
_AT_ONCE: Final = 256

#: What the store needs around an answer in its two hashes and its list, bytes; measured, see docs/decisions/0005.
_AROUND: Final = 128

#: How long the end of a request is repeated while the store is away, seconds; what is missed then goes by age.
_PATIENCE: Final = 60.0

#: How often a worker that counts as dead looks whether its heart beats again, seconds.
_PAUSE: Final = 0.1

_MINE: Final = Mine()
_TAKEN: Final = (Taken(by_us=False), Taken(by_us=True))
_REUSED: Final = Reused()


class Scripts(Protocol):
    """The one thing the journal needs of a connection; `RedisLink` has it."""

    async def run(self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]) -> object:
        """Run a script and return its answer. Raises `LinkError`."""
        ...


class RedisJournal:
    """One worker's hands on it.

    `owner` is what the worker's heartbeat in the sorted set `workers` is under: a token of this process, never used
    by another one. A worker that is not in there, or too old, claims nothing until it is.
    """

    def __init__(
        self,
        scripts: Scripts,
        prefix: str,
        owner: str,
        keeping: Keeping | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._scripts = scripts
        self._owner = owner
        self._keeping = keeping or Keeping()
        self._sleep = sleep
        mark = tag(prefix)
        self._runs = f"{mark}:run:"
        self._workers, self._answers = f"{mark}:workers", f"{mark}:answers"
        self._open, self._kept, self._sums = (f"{mark}:answers:{name}" for name in ("open", "kept", "sums"))
        self._keep_ms = round(self._keeping.keep_answers * 1000)
        #: Where in a key the request's id begins, as Lua counts.
        self._first = len(self._runs.encode()) + 1
        self._known, self._take, self._answer, self._committed, self._release = (
            _script(name) for name in ("known", "take", "answer", "committed", "release")
        )

    def __repr__(self) -> str:
        return f"<RedisJournal of {self._owner} on {self._scripts!r}>"

    async def known(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Return those that somebody has begun, or that were answered."""
        found: list[str] = []
        for some in _handfuls(request_ids):
            keys = [self._answers, *[self._runs + request_id for request_id in some]]
            # no client knows what a script answers; this one gives places
            found += [some[place] for place in cast("list[int]", await self._insist(self._known, keys, [self._first]))]
        return frozenset(found)

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        """Answer each claim, in order."""
        said: list[Claimed] = []
        for some in _handfuls(claims):
            said += await self._claim_some(some)
        return said

    async def _claim_some(self, claims: Sequence[Claim]) -> Sequence[Claimed]:
        keys = [self._workers, self._answers, self._open, *[self._runs + claim.request_id for claim in claims]]
        args: list[bytes | str | int] = [
            *(REMEMBERED_MS, self._keep_ms, round(self._keeping.dead_after * 1000), self._owner, self._first),
            *[encode_run(claim.run, self._owner, claim.fingerprint) for claim in claims],
        ]
        while (said := await self._insist(self._take, keys, args)) == 0:
            _log.warning("the store takes this worker for dead: it claims nothing until its heartbeat is there again")
            await self._sleep(_PAUSE)
        if said == 1:
            return [_MINE] * len(claims)
        # no client knows what a script answers; the head of this one has the words
        each = cast("list[object]", said)
        return [_claimed(claim, one) for claim, one in zip(claims, each, strict=True)]

    def mark(self, claim: Claim, run: Run) -> Mark:
        """Return what is to be written down before another attempt begins."""
        value = encode_run(run, self._owner, claim.fingerprint)
        return Mark(self._runs + claim.request_id, value, beginning_of(run.id))

    async def answer(self, answers: Sequence[tuple[Claim, Answer]]) -> Sequence[bool]:
        """Store answers before they are published."""
        stored: list[bool] = []
        for some in _handfuls(answers):
            stored += await self._answer_some(some)
        return stored

    async def _answer_some(self, answers: Sequence[tuple[Claim, Answer]]) -> Sequence[bool]:
        keys = [self._answers, self._open, self._sums, *[self._runs + claim.request_id for claim, _ in answers]]
        args: list[bytes | str | int] = [REMEMBERED_MS, self._keep_ms, self._first, _AROUND]
        for claim, answer in answers:
            args += (
                beginning_of(claim.run.id),
                encode_answer(claim, answer, self._keeping.compress_above),
                encode_open(answer),
            )
        # no client knows what a script answers; this one gives 1 or 0 for each
        return [one == 1 for one in cast("list[int]", await self._insist(self._answer, keys, args))]

    async def committed(self, claims: Sequence[Claim]) -> None:
        """Hear that replies and usage are durable."""
        for some in _handfuls(claims):
            keys = [self._answers, self._open, self._kept, self._sums, *[self._runs + c.request_id for c in some]]
            args: list[bytes | str | int] = [REMEMBERED_MS, self._keep_ms, self._first]
            args.append(self._keeping.keep_answers_bytes)
            for claim in some:
                args += (beginning_of(claim.run.id), encode_place(claim.place))
            await self._try(self._committed, keys, args)

    async def release(self, claims: Sequence[Claim]) -> None:
        """Hear that these are not run after all."""
        for some in _handfuls(claims):
            keys = [self._runs + claim.request_id for claim in some]
            args: list[bytes | str | int] = [REMEMBERED_MS, *[beginning_of(claim.run.id) for claim in some]]
            await self._try(self._release, keys, args)

    async def _try(self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]) -> None:
        """Insist for a while. What is missed is forgotten by its age, and costs no more than memory and waiting."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._insist(script, keys, args)
        except TimeoutError:
            _log.warning("the end of requests stays unknown to the journal", extra={"count": len(keys)})

    async def _insist(self, script: Script, keys: Sequence[str], args: Sequence[bytes | str | int]) -> object:
        """Try until it is done. All scripts may run twice."""

        async def attempt() -> object:
            try:
                return await self._scripts.run(script, keys, args)
            except LinkFull as error:
                raise LinkDown(f"the store is full: {error}") from error  # it empties as requests are completed

        return await insist(attempt, on_trouble=_warn, sleep=self._sleep)


def _warn(error: LinkDown) -> None:
    _log.warning("waiting for the store: %s", error)


def _script(name: str) -> Script:
    return Script.of((files("headgate.workers.journal") / f"{name}.lua").read_text("utf-8"))


def _handfuls(items: Sequence[_T]) -> Sequence[Sequence[_T]]:
    if len(items) <= _AT_ONCE:
        return [items] if items else []
    return [items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE)]


def _claimed(claim: Claim, said: object) -> Claimed:
    """Read what take.lua says of a claim."""
    if said == 0:
        return _MINE
    kind, *rest = cast("list[object]", said)
    if kind == 1:
        return Mine(interrupted_in(cast("list[bytes]", rest)))
    if kind == 2:
        raw, usage = cast("list[bytes]", rest)
        return answered(claim, raw[STAMP_DIGITS:], usage)
    return _REUSED if kind == 4 else _TAKEN[cast("int", rest[0])]
