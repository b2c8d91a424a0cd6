"""A pipe that says who is still alive: its reader sees the end when every holder of the writing end is gone."""

import os


class Lifeline:
    """Whoever reads it stops when we close it, or die, and all those are gone to whom `writer` was handed down.

    That orders the end even after a `kill -9`: a worker that drains holds the lifelines of the simulator that
    answers it and of the recorder that books what it spends.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def __repr__(self) -> str:
        return f"<Lifeline {'cut' if self._writer < 0 else self._writer}>"

    @property
    def reader(self) -> int:
        """The end for the standard input of who shall stop."""
        return self._reader

    @property
    def writer(self) -> int:
        """The end to be handed down to those who must be gone first."""
        return self._writer

    def cut(self) -> None:
        """Let go of both ends. Once is enough."""
        for end in (self._reader, self._writer):
            if end >= 0:
                os.close(end)
        self._reader = self._writer = -1
