"""What is learned of tokens, and forgotten again: means that follow the last few dozen requests."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

#: How much of the past stays with each new request: the mean lags about 50 requests behind.
_KEPT: Final = 0.98

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Ratio:
    """A moving ratio of sums, so that long requests count for more than short ones."""

    __slots__ = ("_over", "_under", "value")

    def __init__(self, ratio: float, weight: float) -> None:
        """Begin with a ratio that counts as much as requests with `weight` in all."""
        self._over = ratio * weight
        self._under = weight
        #: The ratio: read for every estimate, so it is kept.
        self.value = ratio

    def __repr__(self) -> str:
        return f"<Ratio {self.value:.3g}>"

    def add(self, over: float, under: float) -> None:
        """Learn that `under`, above 0, came to `over`."""
        self._over = self._over * _KEPT + over
        self._under = self._under * _KEPT + under
        self.value = self._over / self._under


class Remembered(Generic[Name, Value]):
    """The values of the names that were used last; names come from requests, so their number has an end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Name, Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: Name) -> Value | None:
        """Return a name's value."""
        return self._values.get(name)

    def used(self, name: Name, make: Callable[[], Value]) -> Value:
        """Return a name's value, made if there is none; it is then the last to be forgotten."""
        value = self._values.pop(name, None)
        if value is None:
            value = make()
            if len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
        self._values[name] = value
        return value
