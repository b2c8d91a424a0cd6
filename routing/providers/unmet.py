"""What a provider cannot honour of one request: refused, unless the config allows to leave it out, which is noted."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.failures import Code, Failure, failure
from ..target import Target
from .chat import ABSENT

_NOTHING: Final = frozenset({b"", b"null"})
#: What parameters are when they ask for nothing: OpenAI's defaults.
_IDLE: Final[Mapping[str, object]] = MappingProxyType(
    {
        "n": 1,
        "logprobs": False,
        "top_logprobs": 0,
        "frequency_penalty": 0,
        "presence_penalty": 0,
        "logit_bias": b"{}",
        "metadata": b"{}",
        "modalities": b'["text"]',
        "parallel_tool_calls": True,
        "temperature": 1,
        "top_p": 1,
        "encoding_format": "float",
        "store": False,
        "stream": False,
        "tools": [],
        "tool_choice": "auto",
        "stop": [],
        "verbosity": b'"medium"',
    }
)


class Unmet:
    """Gathers, while one request is put into a provider's words, what has no such words."""

    __slots__ = ("_target", "_wrong", "notes")

    def __init__(self, target: Target) -> None:
        self._target: Final = target
        self._wrong: dict[str, str] = {}
        #: What was left out or put otherwise, one clause each.
        self.notes: list[str] = []

    def cannot(self, parameter: str, takes: str = "no such parameter") -> None:
        """Refuse a parameter, or leave it out where the config allows that; `takes` says what could be honoured."""
        if self._target.service.may_drop(parameter):
            self.notes.append(f"left out {parameter}: {self._target.provider} takes {takes}")
        else:
            self._wrong[parameter] = takes

    def wrong(self, what: str, expected: str) -> None:
        """Refuse something that cannot be left out."""
        self._wrong[what] = expected

    def put(self, note: str) -> None:
        """Note that something is said otherwise."""
        self.notes.append(note)

    def within(self, parameter: str, value: float | None, least: float, most: float) -> float | None:
        """Return a number that is between two others, and None for one that is not: then it cannot be honoured."""
        least, most = self._target.service.rules.ranges.get(parameter, (least, most))
        if value is None or least <= value <= most:
            return value
        self.cannot(parameter, f"{least:g} to {most:g}")
        return None

    def only(self, body: msgspec.Struct, honoured: frozenset[str]) -> None:
        """Refuse every parameter of a body that asks for something and is not `honoured`."""
        honoured -= self._target.service.rules.unsupported
        for name in body.__struct_fields__:
            if name not in honoured and asks(name, getattr(body, name)):
                self.cannot(name)

    def failure(self) -> Failure | None:
        """Return the refusal, None if all can be honoured."""
        if not self._wrong:
            return None
        expected = "; ".join(f"{name}: {takes}" for name, takes in self._wrong.items())
        return failure(
            Code.UNSUPPORTED_PARAMETER,
            expected=f"what {self._target.provider} takes ({expected})",
            given=", ".join(self._wrong),
        )


def asks(name: str, value: object) -> bool:
    """Say whether a parameter asks for anything that would not be done anyway."""
    if value is None or value is ABSENT:  # nearly all are
        return False
    if isinstance(value, msgspec.Raw):
        value = bytes(value)
        return value not in _NOTHING and value != _IDLE.get(name)
    return name not in _IDLE or value != _IDLE[name]
