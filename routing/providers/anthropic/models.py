"""What Claude models take, by generation: how long they answer, how they think, which parameters they refuse.

Sources: platform.claude.com, "Models overview", "Extended thinking", "Effort", "Structured outputs" and the migration
guides; litellm 1.110.2, model_prices_and_context_window.json (`supports_sampling_params`, `supports_adaptive_thinking`,
`thinking_always_on`, `supports_forced_tool_use`, `supports_assistant_prefill`, `max_output_tokens`). November 2026.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Version = tuple[int, int]

_NAME: Final = re.compile(
    r"claude-(?:(?P<line>[a-z]+)-(?P<major>\d)(?:[-.](?P<minor>\d{1,2}))?(?!\d)"  # claude-opus-4-6
    r"|(?:v|instant-)?(?P<old>\d)(?:[-.](?P<lesser>\d))?(?!\d)"  # claude-3-5-haiku
    r"|mythos-preview)"
)
_FIVE: Final[Version] = (5, 0)
#: Every model takes this much.
LEAST_OUTPUT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Claude:
    """What one model takes."""

    #: The most tokens that it answers with, thoughts included; None: nobody knows.
    max_output: int | None = None
    #: What `thinking` may be: nothing, a number of tokens, or its own decision within an effort.
    thinking: Literal["none", "budget", "adaptive"] = "none"
    #: Whether it thinks without being told to, and whether it can be told not to.
    thinks_unasked: bool = False
    always_thinks: bool = False
    efforts: frozenset[str] = frozenset()
    #: Whether there are `temperature`, `top_p` and `top_k`, and the first two together.
    sampling: bool = True
    both_samplings: bool = True
    #: Whether it can be made to call a tool.
    forced_tools: bool = True
    #: Whether the last message may be the beginning of the answer.
    prefill: bool = True
    #: Whether answers and arguments can be held to a schema.
    schemas: bool = True


@lru_cache(maxsize=1_024)
def claude(model: str) -> Claude:
    """Return what a model takes, by its name; one that tells nothing forbids little."""
    found = _NAME.search(model)
    if found is None:
        return Claude()
    if found["old"]:
        return _known("", (int(found["old"]), int(found["lesser"] or 0)))
    return _known(found["line"] or "mythos", (int(found["major"] or 5), int(found["minor"] or 0)))


def _known(line: str, version: Version) -> Claude:
    fixed = version > _FIVE and line != "haiku"
    return Claude(
        max_output=_max_output(line, version),
        thinking="none" if version < (3, 7) else "budget" if version < (4, 6) else "adaptive",
        thinks_unasked=version >= _FIVE,
        always_thinks=fixed or (version >= _FIVE and line in {"fable", "mythos"}),
        efforts=frozenset({"low", "medium", "high", "max"} | ({"xhigh"} if version >= (4, 7) else set())),
        sampling=version < (4, 7),
        both_samplings=version < (4, 1),
        forced_tools=not fixed,
        prefill=version < (4, 6),
        schemas=version >= (4, 5),
    )


def _max_output(line: str, version: Version) -> int:
    if version < (3, 5):
        return LEAST_OUTPUT
    if version < (3, 7):
        return 8_192
    if version >= (4, 6):
        return 128_000
    return 32_000 if line == "opus" and version < (4, 5) else 64_000
