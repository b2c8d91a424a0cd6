"""What happens to the stack, in words for whoever waits for a batch."""

import os
from collections.abc import Callable

from ..stack.ownership import Owner


class StackNotes:
    """Listens to a stack and to its ownership; what is as it should be is not worth a word."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def part_ready(self, name: str, pid: int, address: str) -> None:
        """Say nothing."""

    def part_lost(self, name: str, why: str, pause: float) -> None:
        """Say it."""
        self._say(f"{name} {why}; it is started again in {pause:g} s")

    def stack_is_shared(self, owner: Owner | None) -> None:
        """Say whose stack is used, or that the rest of one is waited for."""
        if owner is not None and _lives(owner.pid):
            self._say(f"using the stack of `headgate {owner.command}`, process {owner.pid}")
        else:
            self._say("waiting for the worker of an earlier command to finish its calls")

    def stack_is_ours(self) -> None:
        """Say nothing."""


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, so it lives
    return True
