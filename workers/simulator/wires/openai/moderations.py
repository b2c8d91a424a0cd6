"""Answers to `POST /v1/moderations`: nothing is ever flagged, and each counts as one."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import msgspec

from ...chance import Dice, Draw, unit
from ...pen import Pen
from ...refusal import Refusal, missing
from ...tokens import Usage
from ..answer import Answer, refused
from ..head import read_head
from ..wire import Sent
from .bodies import Body

#: OpenAI's reference, "Moderations": the categories of omni-moderation-latest.
CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_MOST_SCORE: Final = 0.01
_NOT_FLAGGED: Final = MappingProxyType(dict.fromkeys(CATEGORIES, False))
_APPLIED: Final = MappingProxyType(dict.fromkeys(CATEGORIES, ("text",)))
_encode: Final = msgspec.json.Encoder().encode


class Said(msgspec.Struct, frozen=True, gc=False):
    """A part of an input: text or an image."""

    type: str
    text: str = ""


class ModerationsBody(Body, frozen=True, gc=False):
    """The body of a request to `/v1/moderations`."""

    input: str | tuple[str | Said, ...] | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What is found in one input."""

    category_scores: dict[str, float]
    categories: Mapping[str, bool] = _NOT_FLAGGED
    category_applied_input_types: Mapping[str, tuple[str, ...]] = _APPLIED
    flagged: bool = False


class Moderation(msgspec.Struct, frozen=True):
    """The answer."""

    id: str
    model: str
    results: tuple[Verdict, ...]


_body: Final = msgspec.json.Decoder(ModerationsBody)


def answer_moderations(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return a verdict on each text; parts of one input are judged as one."""
    given = _body.decode(sent.body)
    model = given.model or sent.model or "omni-moderation-latest"
    head = read_head(model, given.spoken, pen.shelf)
    if isinstance(head, Refusal):
        return refused(head, model)
    if not given.input:
        return refused(missing("input"), model)
    score = partial(_scores, Dice.of(numbers))
    verdicts = tuple(Verdict(score()) for _ in range(_count(given.input)))
    return Answer(_encode(Moderation(f"modr-{numbers.code}", model, verdicts)), Usage(0, units=1), model, head.script)


def _count(given: str | tuple[str | Said, ...]) -> int:
    return len(given) if isinstance(given, tuple) and isinstance(given[0], str) else 1


def _scores(dice: Dice) -> dict[str, float]:
    return {category: round(_MOST_SCORE * unit(dice.roll()), 6) for category in CATEGORIES}
