"""A limit on requests per second: bursts of up to one second's worth, then one at a time (the GCRA)."""


class Limiter:
    """Says how long to wait. Times are seconds of any clock that does not go back."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._burst = max(1.0, self._interval)
        self._due = float("-inf")

    def wait(self, now: float) -> float:
        """Count one request; return 0, or the seconds after which it would be let through if it is not."""
        due = max(self._due, now) + self._interval
        wait = due - self._burst - now
        # The float error of adding intervals must not refuse the last request of a burst.
        if wait > self._interval * 1e-6:
            return wait
        self._due = due
        return 0.0
