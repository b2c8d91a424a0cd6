"""What must fit together of keys, workspaces, orgs, limits and budgets."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol

from pydantic_core import InitErrorDetails

from .config_access import Admission, Authentication, Budget, EachUser, EachValue, Fallback, Key, Org, Workspace
from .config_checks import Place, at, second_times

_Faults = Iterator[InitErrorDetails]

#: A signature's time may be off by `max_age` in either direction: so much later a copy of the request may arrive.
_WAYS: Final = 2


class _Defaults(Protocol):
    @property
    def deadline(self) -> float: ...


class _Payer(Protocol):
    @property
    def budgets(self) -> Sequence[Budget]: ...


class _Model(_Payer, Protocol):
    @property
    def name(self) -> str: ...
    @property
    def deployments(self) -> Sequence[_Payer]: ...


class _File(Protocol):
    @property
    def providers(self) -> Mapping[str, _Payer]: ...
    @property
    def models(self) -> Sequence[_Model]: ...
    @property
    def keys(self) -> Sequence[Key]: ...
    @property
    def workspaces(self) -> Sequence[Workspace]: ...
    @property
    def orgs(self) -> Sequence[Org]: ...
    @property
    def end_users(self) -> EachUser: ...
    @property
    def metadata(self) -> Sequence[EachValue]: ...
    @property
    def authentication(self) -> Authentication: ...
    @property
    def admission(self) -> Admission: ...
    @property
    def defaults(self) -> _Defaults: ...


def access_faults(file: _File) -> _Faults:
    """Find all of it."""
    yield from _repeated(file)
    yield from _strays(file)
    yield from _unknown_fallbacks(file)
    yield from _useless_keys(file.keys, file.authentication.accept)
    yield from _forgetful(file)


def _repeated(file: _File) -> _Faults:
    keys, workspaces, orgs = ([one.id for one in part] for part in (file.keys, file.workspaces, file.orgs))
    for part, ids in (("keys", keys), ("workspaces", workspaces), ("orgs", orgs)):
        yield from second_times([((part, nr, "id"), id_) for nr, id_ in enumerate(ids)], f"each id once among {part}")


def _strays(file: _File) -> _Faults:
    """Find members of what is not there: a misspelt workspace would be a way around its budgets."""
    workspaces = [((("keys", nr, "workspace"), key.workspace)) for nr, key in enumerate(file.keys)]
    yield from _not_among(workspaces, [one.id for one in file.workspaces], "workspaces")
    orgs = [((("workspaces", nr, "org"), one.org)) for nr, one in enumerate(file.workspaces)]
    yield from _not_among(orgs, [one.id for one in file.orgs], "orgs")


def _not_among(named: Sequence[tuple[Place, str | None]], known: Collection[str], what: str) -> _Faults:
    for place, name in named:
        if name is not None and known and name not in known:
            yield at(place, f"one of this file's {what} ({', '.join(known)})", repr(name))


def _unknown_fallbacks(file: _File) -> _Faults:
    models = [model.name for model in file.models]
    for place, payer in _payers(file):
        for nr, budget in enumerate(payer.budgets):
            if not isinstance(budget.at_limit, Fallback):
                continue
            name, there = budget.at_limit.fallback, (*place, "budgets", nr, "at_limit", "fallback")
            if models and name not in models:
                yield at(there, f"one of this file's models ({', '.join(models)})", repr(name))
            elif place[0] == "models" and name == models[int(place[1])]:
                yield at(there, "another model than the one whose budget it is", repr(name))


def _payers(file: _File) -> Iterator[tuple[Place, _Payer]]:
    yield from ((("providers", name), provider) for name, provider in file.providers.items())
    for nr, model in enumerate(file.models):
        yield ("models", nr), model
        yield from ((("models", nr, "deployments", place), each) for place, each in enumerate(model.deployments))
    yield from ((("keys", nr), key) for nr, key in enumerate(file.keys))
    yield from ((("workspaces", nr), workspace) for nr, workspace in enumerate(file.workspaces))
    yield from ((("orgs", nr), org) for nr, org in enumerate(file.orgs))
    yield ("end_users",), file.end_users
    yield from ((("metadata", nr), value) for nr, value in enumerate(file.metadata))


def _useless_keys(keys: Sequence[Key], accept: Collection[str]) -> _Faults:
    """Find keys that nothing opens."""
    for nr, key in enumerate(keys):
        kinds = key.proofs
        if not kinds & set(accept):
            expected = f"a key for one of authentication.accept ({', '.join(accept) or 'which is empty'})"
            yield at(("keys", nr), expected, f"one for {' and '.join(sorted(kinds))}")


def _forgetful(file: _File) -> _Faults:
    """Find answers that are forgotten while a copy of their request, with its signature, may still be run."""
    least = file.defaults.deadline + _WAYS * file.authentication.max_age
    signing = "signature" in file.authentication.accept and any("signature" in key.proofs for key in file.keys)
    if signing and file.admission.keep_answers < least:
        expected = f"at least {least:g} s, for signed requests: defaults.deadline and twice authentication.max_age"
        yield at(("admission", "keep_answers"), expected, f"{file.admission.keep_answers:g} s")
