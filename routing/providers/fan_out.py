"""Several choices from a target that makes one a call: the answers of equal calls as one answer; pure.

There is an answer only if each call has one. What is billed is billed call by call, because prices have steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from ...schemas.failures import Code, failure
from ...schemas.reply import Tokens
from ..outcome import Completion, Setback, Twin

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_CHOICES: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_encode: Final = msgspec.json.Encoder().encode
_NONE: Final = msgspec.Raw(b"null")
_USAGE: Final = "usage"
_TIER: Final = "service_tier"


@dataclass(frozen=True, slots=True)
class Merged:
    """What equal calls come to together."""

    result: Completion | Setback
    #: Which call, from 0, decided it: the worst.
    by: int
    #: What the reply has to tell, one clause each.
    notes: tuple[str, ...] = ()


def spread_note(twins: int) -> str:
    """Return what the reply says of an attempt that is made of several calls."""
    return f"made n={twins} by {twins} calls"


def twin_name(attempt: str, at: int) -> str:
    """Return the name of an attempt's call number `at`, from 0: the first is called as the attempt.

    >>> twin_name("a", 0), twin_name("a", 2)
    ('a', 'a-3')
    """
    return attempt if at == 0 else f"{attempt}-{at + 1}"


def merged(results: Sequence[Completion | Setback]) -> Merged:
    """Return what the calls of one attempt, at least one, come to: an answer, or the setback that weighs most.

    Of setbacks, one that no repetition helps against weighs more than one that may pass, and a longer wait more than
    a shorter one.
    """
    twins = tuple(map(_twin, results))
    setbacks = [(at, result) for at, result in enumerate(results) if isinstance(result, Setback)]
    if setbacks:
        by, worst = max(setbacks, key=lambda each: _weight(each[1]))
        tokens = _known([twin for twin in twins if twin.tokens is not None])
        result = msgspec.structs.replace(worst, tokens=tokens, twins=twins)
        return Merged(result, by, (f"{len(setbacks)} of {len(results)} calls failed",))
    answers = [result for result in results if isinstance(result, Completion)]
    try:
        body = _body([answer.body for answer in answers])
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        why = failure(Code.MALFORMED_RESPONSE, expected="answers that can be one", given=error)
        return Merged(Setback(why, tokens=_known(twins), twins=twins), 0)
    first, tiers = answers[0], {answer.tier for answer in answers}
    tier = first.tier if len(tiers) == 1 else None
    notes = () if len(tiers) == 1 else (f"{_TIER}: {', '.join(str(answer.tier) for answer in answers)}, call by call",)
    return Merged(Completion(first.status, body, first.request_id, _known(twins), tier, twins), len(answers) - 1, notes)


def total(counts: Sequence[Tokens]) -> Tokens:
    """Return the sum of at least one call's tokens."""
    return Tokens(*map(sum, zip(*map(msgspec.structs.astuple, counts), strict=True)))


def _twin(result: Completion | Setback) -> Twin:
    if isinstance(result, Completion):
        return Twin(result.tokens, result.tier)
    return Twin(result.tokens, code=result.failure.code)


def _weight(setback: Setback) -> tuple[bool, float]:
    passes = setback.failure.retriable if setback.should_retry is None else setback.should_retry
    return not passes, setback.retry_after or 0.0


def _known(twins: Sequence[Twin]) -> Tokens | None:
    """Return the sum, None if it is not known of each."""
    counts = [twin.tokens for twin in twins if twin.tokens is not None]
    return total(counts) if counts and len(counts) == len(twins) else None


def _body(bodies: Sequence[bytes]) -> bytes:
    """Return the first body with the choices of all, counted through, and with the sum of what was used."""
    read = [_FIELDS.decode(body) for body in bodies]
    choices = [choice for fields in read for choice in _CHOICES.decode(fields.get("choices", _NONE))]
    for index, choice in enumerate(choices):
        choice["index"] = msgspec.Raw(_encode(index))
    body: dict[str, object] = {**read[0], "choices": choices}
    for name, value in ((_USAGE, _usage(read)), (_TIER, _same([fields.get(_TIER) for fields in read]))):
        body.pop(name, None)
        if value is not None:
            body[name] = value
    return _encode(body)


def _usage(read: Sequence[dict[str, msgspec.Raw]]) -> object:
    """Return the sum of all that is counted; None where one of them does not say it."""
    if any(_USAGE not in fields for fields in read):
        return None
    total: object = None
    for fields in read:
        total = _sum(total, msgspec.json.decode(fields[_USAGE]))
    return total


def _sum(one: object, other: object) -> object:
    """Add numbers, within objects by name; of what is no number the first stays."""
    ours, theirs = _named(one), _named(other)
    if ours is not None and theirs is not None:
        return {name: _sum(ours.get(name), theirs.get(name)) for name in {**ours, **theirs}}
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return one + other
    return other if one is None else one


def _named(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _same(values: Sequence[msgspec.Raw | None]) -> msgspec.Raw | None:
    return values[0] if len({None if value is None else bytes(value) for value in values}) == 1 else None
