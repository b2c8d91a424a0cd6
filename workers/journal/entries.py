"""How runs and answers lie in the store. Nothing here is read by anybody but the journal and its scripts.

A run and an answer are MessagePack arrays of five that begin with the run's id: one prefix tells whose they are.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from .claims import Answer, Answered, Begun, Claim, Reused, Run

#: Digits of the time that the store puts before an answer, unix milliseconds.
STAMP_DIGITS: Final = 13
#: What the store puts before the place of an open answer: whether it was taken over, the stamp, the size.
OPEN_HEAD: Final = 24

#: The head of a MessagePack array of five.
_FIVE: Final = b"\x95"

_encode = msgspec.msgpack.Encoder().encode
_runs: Final = msgspec.msgpack.Decoder(tuple[str, str, str, int, tuple[Begun, ...]])
_answers: Final = msgspec.msgpack.Decoder(tuple[str, bytes, str, bool, bytes])
_usage: Final = msgspec.msgpack.Decoder(tuple[bytes, ...])

#: Below 32 KiB zlib's tables cost more than the reply: a window of 8 KiB makes smaller ones.
_LARGE: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run as it lies in the list of its request."""

    run: Run
    owner: str
    #: Hexadecimal.
    fingerprint: str


def beginning_of(run_id: str) -> bytes:
    """Return what every entry of a run begins with, and no other run's: it holds the length of the id."""
    return _FIVE + _encode(run_id)


def encode_run(run: Run, owner: str, fingerprint: bytes) -> bytes:
    """Return a run as it lies in the list of its request; the fingerprint as hexadecimal, since Lua reads no binary."""
    return _encode((run.id, owner, fingerprint.hex(), run.began_us, run.attempts))


def decode_run(raw: bytes) -> HeldRun | None:
    """Return what is no run as None: the seal of a request that was taken over."""
    try:
        run_id, owner, fingerprint, began_us, attempts = _runs.decode(raw)
    except msgspec.DecodeError:
        return None
    return HeldRun(Run(run_id, began_us, attempts), owner, fingerprint)


def encode_answer(claim: Claim, answer: Answer, compress_above: int) -> bytes:
    """Return an answer as it is kept, without its stamp."""
    large = len(answer.reply) > compress_above
    reply = _compressed(answer.reply) if large else answer.reply
    return _encode((claim.run.id, claim.fingerprint, answer.place, large, reply))


def encode_place(place: str) -> bytes:
    """Return what an open answer's entry begins with."""
    return _encode(place)


def encode_open(answer: Answer) -> bytes:
    """Return what is kept of an answer until it is committed: the place, then the usage."""
    return _encode(answer.place) + _encode(answer.usage)


def answered(claim: Claim, raw: bytes, open_: bytes) -> Answered | Reused:
    """Read a stored answer for a claim. `open_` is empty once it is committed."""
    _, fingerprint, place, large, reply = _answers.decode(raw)
    if fingerprint != claim.fingerprint:
        return Reused()
    whole = zlib.decompress(reply, wbits=-15) if large else reply
    return Answered(Answer(whole, _usage_in(open_, place), place), same_place=place == claim.place)


def interrupted_in(raws: Sequence[bytes]) -> tuple[Run, ...]:
    """Return the runs that have begun an attempt."""
    return tuple(held.run for raw in raws if (held := decode_run(raw)) is not None and held.run.attempts)


def _usage_in(open_: bytes, place: str) -> tuple[bytes, ...]:
    return _usage.decode(open_[OPEN_HEAD + len(_encode(place)) :]) if open_ else ()


def _compressed(reply: bytes) -> bytes:
    wbits, level = (-15, 8) if len(reply) > _LARGE else (-13, 6)
    stream = zlib.compressobj(1, zlib.DEFLATED, wbits, level)
    return stream.compress(reply) + stream.flush()
