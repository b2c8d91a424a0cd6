"""From the config to what each subject is held to: looked up for every request, so kept ready by name."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Self

from ...schemas.config import Config
from ...schemas.config_access import Budget, EachValue, Limits
from ...schemas.config_routes import Node, Route
from .rule_reading import rules_of
from .rules import BudgetRule, RateRule, Rules
from .subject import Subject, of, of_field, of_value
from .windows import Per

_NOTHING: Final = Rules()
#: How many end users, values of metadata and combinations are remembered; then it is begun anew.
_REMEMBERED: Final = 20_000


class Rulebook:
    """All limits and budgets of a config."""

    def __init__(self, config: Config) -> None:
        self._keys = _each("key", ((key.id, key.limits, key.budgets) for key in config.keys))
        self._workspaces = _each("workspace", ((one.id, one.limits, one.budgets) for one in config.workspaces))
        self._orgs = _each("org", ((org.id, org.limits, org.budgets) for org in config.orgs))
        self._models = _each("model", ((model.name, model.limits, model.budgets) for model in config.models))
        watched = _goes_by_usage(config)
        deployments = {it.id: it for model in config.models for it in model.deployments}
        self._deployments = _each(
            "deployment", ((it.id, it.limits, it.budgets) for it in deployments.values()), watched=watched
        )
        providers = ((name, it.limits, it.budgets) for name, it in config.providers.items())
        self._providers = _each("provider", providers, watched=watched)
        rates = {name: self._rates(name, it.provider) for name, it in deployments.items()} if watched else {}
        self._watched = {name: own for name, own in rates.items() if own}
        self._each_user = rules_of([(config.end_users.limits, config.end_users.budgets)])
        self._each_value = _by_field(config.metadata)
        self._made: dict[Hashable, Rules] = {}

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read a config."""
        return cls(config)

    def __bool__(self) -> bool:
        """Say whether anybody is held to anything."""
        return bool(self.dimensions or self._each_value)

    @property
    def metadata_fields(self) -> tuple[str, ...]:
        """The metadata fields whose values are held to something."""
        return tuple(self._each_value)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What of a usage event decides what it is held to, beside metadata: names of its fields."""
        return (
            *self._request_dimensions(),
            *(("deployment",) if self._deployments else ()),
            *(("provider",) if self._providers else ()),
        )

    @property
    def calendars(self) -> frozenset[tuple[Per, str]]:
        """The kinds of windows that budgets have, and the time zones that these are in."""
        return frozenset((budget.per, budget.zone) for rules in self._all() for budget in rules.budgets)

    @property
    def periods(self) -> frozenset[int]:
        """The periods of rate limits, microseconds."""
        return frozenset(rate.limit.period_us for rules in self._all() for rate in rules.rates)

    def budgets(self) -> Iterator[BudgetRule]:
        """Return all budgets of whom the config names: not those of end users and values of metadata."""
        for rules in self._named():
            yield from rules.budgets

    def budget(self, name: str) -> BudgetRule | None:
        """Return the budget of a name, None if there is none any more."""
        for budget in self.budgets():
            if budget.name == name:
                return budget
        fields = ((of_field(field), rules) for field, rules in self._each_value.items())
        for whose, rules in (("user:", self._each_user), *fields):
            for budget in rules.budgets:
                if name.startswith(whose) and name.endswith(budget.name):
                    return rules.owned_by(name.removesuffix(budget.name)).budget(name)
        return None

    def request(self, subject: Subject) -> Rules:
        """Return what a request is held to, whoever will be called: once, however often it is tried."""
        values = tuple(subject.metadata.get(field) for field in self._each_value)
        whole = (subject.key, subject.workspace, subject.org, subject.end_user, subject.model, values)
        return self._remembered(whole, lambda: Rules.together(self._of_request(subject)))

    def target(self, subject: Subject) -> Rules:
        """Return what the attempt at a deployment is held to: anew for each attempt."""
        whole = (subject.deployment, subject.provider)
        return self._remembered(whole, lambda: Rules.together(self._of_target(subject)))

    def watched(self, deployment: str) -> tuple[RateRule, ...]:
        """Return the rates of a deployment and its provider, if any route goes by how full they are."""
        return self._watched.get(deployment, ())

    def _rates(self, deployment: str, provider: str) -> tuple[RateRule, ...]:
        own, shared = self._deployments.get(deployment, _NOTHING), self._providers.get(provider, _NOTHING)
        return (*own.rates, *shared.rates)

    def _named(self) -> Iterator[Rules]:
        for rules in (self._keys, self._workspaces, self._orgs, self._models, self._deployments, self._providers):
            yield from rules.values()

    def _all(self) -> Iterator[Rules]:
        yield from self._named()
        yield self._each_user
        yield from self._each_value.values()

    def _of_request(self, subject: Subject) -> Iterable[Rules]:
        yield self._keys.get(subject.key, _NOTHING)
        yield self._workspaces.get(subject.workspace or "", _NOTHING)
        yield self._orgs.get(subject.org or "", _NOTHING)
        if self._each_user and subject.end_user is not None:
            yield self._each_user.owned_by(of("user", subject.end_user))
        yield self._models.get(subject.model, _NOTHING)
        for field, rules in self._each_value.items():
            value = subject.metadata.get(field)
            if value is not None:
                yield rules.owned_by(of_value(field, value))

    def _of_target(self, subject: Subject) -> Iterable[Rules]:
        yield self._deployments.get(subject.deployment, _NOTHING)
        yield self._providers.get(subject.provider, _NOTHING)

    def _request_dimensions(self) -> tuple[str, ...]:
        held = {
            "key": self._keys,
            "workspace": self._workspaces,
            "org": self._orgs,
            "end_user": self._each_user,
            "model": self._models,
        }
        return tuple(name for name, rules in held.items() if rules)

    def _remembered(self, whole: Hashable, make: Callable[[], Rules]) -> Rules:
        made = self._made.get(whole)
        if made is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            made = self._made[whole] = make()
        return made


def _each(
    kind: str, given: Iterable[tuple[str, Limits, Sequence[Budget]]], *, watched: bool = False
) -> Mapping[str, Rules]:
    """Name the rules of those that have any."""
    shared = kind != "key"
    rules = {name: rules_of([(limits, budgets)], shared=shared, watched=watched) for name, limits, budgets in given}
    return {name: rules.owned_by(of(kind, name)) for name, rules in rules.items() if rules}


def _goes_by_usage(config: Config) -> bool:
    """Say whether any branch of any route asks who has most of its limits left."""
    branches: list[Route | Node] = [model.route for model in config.models]
    for branch in branches:
        if branch.strategy == "usage-based":
            return True
        branches += branch.targets
    return False


def _by_field(metadata: Sequence[EachValue]) -> Mapping[str, Rules]:
    fields = dict.fromkeys(one.field for one in metadata)
    rules = {name: rules_of([(one.limits, one.budgets) for one in metadata if one.field == name]) for name in fields}
    return {name: rules for name, rules in rules.items() if rules}
