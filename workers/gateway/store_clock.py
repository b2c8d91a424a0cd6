"""The store's clock, as a worker on another machine knows it."""

from collections.abc import Callable


class StoreClock:
    """The store's time, from what its answers say.

    An answer was given at some moment between the question and when it is read here, and on a busy machine much can lie
    between the two. What is known moves only as far as an answer proves it wrong: taken from the moment of reading
    alone, each wait for a slot would begin late by that much, and slots are short.
    """

    def __init__(self, own_now_us: Callable[[], int]) -> None:
        self._own_now_us = own_now_us
        #: The store's clock less ours, microseconds.
        self._ahead_us = 0

    def __repr__(self) -> str:
        return f"<StoreClock {self._ahead_us} us ahead>"

    def now_us(self) -> int:
        """Return the store's time, unix microseconds."""
        return self.of(self._own_now_us())

    def of(self, own_us: int) -> int:
        """Return what the store's clock shows when ours shows `own_us`."""
        return own_us + self._ahead_us

    def heard(self, said_us: int, asked_us: int) -> None:
        """Learn from an answer read now that was given at `said_us`, to a question of `asked_us` by our clock."""
        least, most = said_us - self._own_now_us(), said_us - asked_us
        self._ahead_us = min(max(self._ahead_us, least), most)
