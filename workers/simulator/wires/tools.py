"""Which tool an answer calls, when it must call one."""

from collections.abc import Collection, Sequence
from typing import Final

from ..chance import Draw
from ..refusal import Refusal, invalid
from ..speech import Tool

ANY_ARGUMENTS: Final = b'{"type":"object"}'
CHOICES: Final = "'none', 'auto', and 'required'"
FORMATS: Final = "'json_object', 'json_schema', and 'text'"


def choose(offered: Sequence[Tool], names: Collection[str] | None, numbers: Draw) -> Tool | Refusal:
    """Return one of the tools `offered`; only of those among `names`, unless that is None."""
    if not offered:
        return invalid("tool_choice", "Invalid value for 'tool_choice': 'tool_choice' is only allowed with 'tools'.")
    allowed = [tool for tool in offered if names is None or tool.name in names]
    if not allowed:
        known = ", ".join(tool.name for tool in offered)
        return invalid("tool_choice", f"Tool choice not found in 'tools': expected one of {known}.")
    return allowed[numbers.start % len(allowed)]
