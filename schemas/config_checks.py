"""What must fit together across the config file; every fault is told at its own place, all of them at once."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from pydantic_core import InitErrorDetails

from .config_values import wrong

#: Steps from the top of the file to a value.
Place = tuple[str | int, ...]


class _Deployment(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def provider(self) -> str: ...


class _Model(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def deployments(self) -> Sequence[_Deployment]: ...


def at(place: Place, expected: str, given: str) -> InitErrorDetails:
    """Make the error that says what was expected at `place`, and what came."""
    return InitErrorDetails(type=wrong(expected, given), loc=place, input=given)


def repeated(models: Sequence[_Model]) -> Iterator[InitErrorDetails]:
    """Find models and deployments whose name is taken: logs, metrics and the ledger tell them apart by it alone."""
    names = [(("models", nr, "name"), model.name) for nr, model in enumerate(models)]
    yield from second_times(names, "each model once")
    ids = [((*place, "id"), deployment.id) for place, deployment in _deployments(models)]
    yield from second_times(ids, "each deployment id once in the file")


def unknown_providers(models: Sequence[_Model], providers: Collection[str]) -> Iterator[InitErrorDetails]:
    """Find deployments of providers that the file does not have."""
    known = ", ".join(providers) or "of which there are none"
    for place, deployment in _deployments(models):
        if deployment.provider not in providers:
            yield at((*place, "provider"), f"one of this file's providers ({known})", repr(deployment.provider))


def _deployments(models: Sequence[_Model]) -> Iterator[tuple[Place, _Deployment]]:
    for nr, model in enumerate(models):
        for position, deployment in enumerate(model.deployments):
            yield ("models", nr, "deployments", position), deployment


def second_times(named: Sequence[tuple[Place, str]], expected: str) -> Iterator[InitErrorDetails]:
    """Find names that are taken."""
    seen: Counter[str] = Counter()
    for place, name in named:
        seen[name] += 1
        if seen[name] == 2:
            yield at(place, expected, f"{name!r} a second time")
