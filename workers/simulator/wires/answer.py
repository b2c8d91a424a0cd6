"""An answer: what the provider would send for a request if nothing went wrong, and what it would bill."""

import msgspec

from ..faults import Step
from ..refusal import Refusal
from ..tokens import Usage


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The answer to one request: its body and the tokens of it, or why there is none."""

    body: bytes
    #: None if it is refused.
    usage: Usage | None = None
    #: The model that was asked for, empty when the body did not say.
    model: str = ""
    #: The fault script that the body carries.
    script: tuple[Step, ...] = ()
    refusal: Refusal | None = None
    #: Header lines that go with the body, each with its end of line.
    headers: bytes = b""


def refused(refusal: Refusal, model: str | None = None) -> Answer:
    """Return the answer that refuses a request."""
    return Answer(b"", None, model or "", (), refusal)


def without_reasoning(answer: Answer) -> Answer:
    """Return an answer for wires that do not tell what was thought: then the books cannot know either."""
    if answer.usage is None:
        return answer
    return msgspec.structs.replace(answer, usage=msgspec.structs.replace(answer.usage, reasoning=0))
