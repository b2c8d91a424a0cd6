"""Whether a process can do its work, and if not, why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when nothing speaks against it."""

    #: What is waited for, for people: `the bus is not assigned`.
    reasons: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def __and__(self, other: "Readiness") -> "Readiness":
        """Join two: ready when both are."""
        return Readiness(self.reasons + other.reasons)


def ready_if(condition: object, reason: str) -> Readiness:
    """Be ready if `condition` holds; `reason` says what is missing."""
    return Readiness() if condition else Readiness((reason,))
