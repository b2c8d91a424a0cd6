"""Which credential an attempt uses: by weighted chance, among those that are not paused. Names only, no secrets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential of a provider, by its name."""

    #: `openai`, and from the second on `openai#2`: fit for logs, metrics and stores.
    name: str
    #: Its share of the provider's calls, beside the others'.
    weight: float = 1.0


def named(provider: str, weights: Sequence[float]) -> tuple[Credential, ...]:
    """Name the credentials of a provider, in the order of the config."""
    return tuple(Credential(name, weight) for name, weight in zip(_names(provider), weights, strict=False))


def _names(provider: str) -> Iterator[str]:
    yield provider
    number = 2
    while True:
        yield f"{provider}#{number}"
        number += 1


def choose(
    credentials: Sequence[Credential], chance: float, is_paused: Callable[[str], bool] = lambda _: False
) -> Credential | None:
    """Return the credential of the next attempt; None: all are paused, or there is none.

    `chance` is in [0, 1). One that weighs nothing is chosen only when all that weigh something are paused.
    """
    open_ = [credential for credential in credentials if not is_paused(credential.name)]
    rest = chance * sum(credential.weight for credential in open_)
    for credential in open_:
        rest -= credential.weight
        if rest < 0:
            return credential
    # Nothing weighs anything, or rounding ate the last crumb.
    return max(reversed(open_), key=lambda credential: credential.weight > 0, default=None)
