"""What Gemini models take, by generation: how they are told to think, and which parameters they refuse.

Sources: ai.google.dev, "Gemini thinking", "Thought signatures", "OpenAI compatibility"; litellm 1.110.2,
model_prices_and_context_window.json (`supports_sampling_params`, `supports_minimal_reasoning_effort`,
`supports_xhigh_reasoning_effort`). November 2026.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

_NAME: Final = re.compile(r"gemini-(?P<major>\d)(?:\.(?P<minor>\d))?-(?P<line>[a-z]+(?:-lite)?)")
_USUAL: Final = frozenset({"LOW", "MEDIUM", "HIGH"})


@dataclass(frozen=True, slots=True)
class Gemini:
    """What one model takes."""

    #: Whether thinking is told in levels, in tokens, or not at all.
    thinking: Literal["none", "budget", "level"] = "level"
    levels: frozenset[str] = _USUAL
    #: Whether it can be told not to think.
    may_rest: bool = False
    #: Whether there are `temperature`, `topP` and `topK`.
    sampling: bool = True
    #: Whether its function calls have to be sent back with their signatures.
    signatures: bool = False


@lru_cache(maxsize=1_024)
def gemini(model: str) -> Gemini:
    """Return what a model takes, by its name; one that tells nothing, such as an alias, forbids little."""
    found = _NAME.search(model)
    if found is None:
        return Gemini()
    version, line = (int(found["major"]), int(found["minor"] or 0)), found["line"]
    if version < (2, 5):
        return Gemini(thinking="none")
    if version < (3, 0):
        return Gemini(thinking="budget", may_rest=line != "pro")
    sampling = not ((3, 6) <= version < (4, 0) or (version == (3, 5) and line == "flash-lite"))
    return Gemini(levels=_levels(version, line), sampling=sampling, signatures=True)


def _levels(version: tuple[int, int], line: str) -> frozenset[str]:
    if line == "hydrogen":
        return _USUAL | {"XHIGH"}
    if line == "pro" and version == (3, 0):
        return frozenset({"LOW", "HIGH"})
    return _USUAL | {"MINIMAL"} if version < (3, 7) and line != "pro" else _USUAL
