"""Answers to `POST /v1/moderations`: nothing is ever flagged, and each counts as one."""

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
    categories: dict[str, bool]
    category_applied_input_types: dict[str, tuple[str, ...]]
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
    dice = Dice.of(numbers)
    verdicts = tuple(_verdict(dice) for _ in range(_count(given.input)))
    return Answer(_encode(Moderation(f"modr-{numbers.code}", model, verdicts)), Usage(0, units=1), model, head.script)


def _count(given: str | tuple[str | Said, ...]) -> int:
    return len(given) if isinstance(given, tuple) and isinstance(given[0], str) else 1


def _verdict(dice: Dice) -> Verdict:
    scores = {category: round(_MOST_SCORE * unit(dice.roll()), 6) for category in CATEGORIES}
    return Verdict(scores, dict.fromkeys(CATEGORIES, False), dict.fromkeys(CATEGORIES, ("text",)))
