"""From a LiteLLM config to Headgate's parts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ....schemas.plain import is_mapping
from ...providers.catalogue import Row
from ...tree.node import PriceFinder
from ..accounts import Accounts
from ..document import REFERENCE, Adopted, Notes, Place, Written
from ..section import Section, items, read
from ..variables import Variables
from .deployment import Deployed, Describer, budgets
from .format import File
from .group import ids, orders, tags, weights
from .model_list import Credential, Entry, Info, Params
from .routes import WEAKER, Routing
from .settings import General, ProviderBudget, Router, Settings, Team
from .who import Caller

_MEBIBYTE: Final = 1024 * 1024
_WILD: Final = "/*"
_AS_ALL: Final = "*"


def adopted(data: object, rows: Mapping[str, Row], prices: PriceFinder | None = None) -> Adopted:
    """Translate a LiteLLM config; with `prices`, deployments without a known price are noted."""
    return _Adoption(data, rows, prices).adopted()


class _Adoption:
    """One import."""

    def __init__(self, data: object, rows: Mapping[str, Row], prices: PriceFinder | None) -> None:
        self.notes: Final = Notes()
        self.file: Final = read(File, data, (), self.notes)
        self.router: Final = read(Router, self.file.router_settings, ("router_settings",), self.notes)
        self.settings: Final = read(Settings, self.file.litellm_settings, ("litellm_settings",), self.notes)
        self.general: Final = read(General, self.file.general_settings, ("general_settings",), self.notes)
        self.rows: Final = rows
        self.accounts: Final = Accounts(rows)
        self.caller: Final = Caller(rows, Variables(data, self.notes), self.notes)
        self.describer: Final = Describer(self.notes, prices, self.router.default_max_parallel_requests)
        self.routing: Final = Routing(self.router, self.settings, self.notes)
        self.dropping: set[str] = set()
        self.places: Final[dict[str, Place]] = {}
        self.credentials: Final = dict(self._credentials())

    def adopted(self) -> Adopted:
        """Do all of it."""
        groups = self._groups()
        aliases = dict(self._aliases(groups))
        models = [*self._models(groups, aliases), *self._alias_models(groups, aliases)]
        for place in self.places.values():
            self.notes.add(place, "No deployment names this credential: it is left out.")
        if not models:
            self.notes.add((), "It has no deployment that Headgate could call, so that there is no model.")
        parts: dict[str, object] = {
            "providers": self._providers(),
            "models": models,
            "workspaces": list(self._workspaces()),
            "end_users": self._end_users(),
            "limits": self._limits(),
            "operations": self._operations(),
        }
        return Adopted({name: part for name, part in parts.items() if part}, self.notes.all)

    def _credentials(self) -> Iterator[tuple[str, Params]]:
        for place, entry in items(self.file.credential_list, ("credential_list",), self.notes):
            one = read(Credential, entry, place, self.notes)
            values = read(Params, one.credential_values, (*place, "credential_values"), self.notes)
            self.places[one.credential_name or ""] = place
            yield one.credential_name or "", values

    def _groups(self) -> dict[str, list[Deployed]]:
        """Return the deployments by model; wildcards go first, because they name providers."""
        listed = [
            (place, read(Entry, entry, place, self.notes))
            for place, entry in items(self.file.model_list, ("model_list",), self.notes)
        ]
        groups: dict[str, list[Deployed]] = {}
        for place, entry in sorted(listed, key=lambda item: not _is_wild(item[1])):
            if entry.model_name is None:
                self.notes.add((*place, "model_name"), "It has no name that requests could ask for, and is left out.")
                continue
            found = self._deployed(entry, place)
            if found is not None and not _is_wild(entry):
                groups.setdefault(entry.model_name, []).append(found)
        return groups

    def _deployed(self, entry: Entry, place: Place) -> Deployed | None:
        params = self._params(entry, (*place, "litellm_params"))
        info = read(Info, entry.model_info, (*place, "model_info"), self.notes)
        found = self.caller.whom(params, (*place, "litellm_params"))
        if found is None:
            return None
        account, model = found
        wanted = None
        if _is_wild(entry):
            if not self._opens(entry, model, params, info, place):
                return None
            wanted = (entry.model_name or "").removesuffix(_WILD)
        name = self.accounts.name_of(account, wanted)
        if wanted not in (None, name):
            told = f"The same account has the name {name}: ask for its models as {name}/MODEL."
            self.notes.add((*place, "model_name"), told)
        if params.drop_params and not self.settings.drop_params:
            self.dropping.add(name)
            told = f"It holds for all calls with the same account, which is called {name}."
            self.notes.add((*place, "litellm_params", "drop_params"), told)
        return Deployed(place, entry, params, info, name, account.row, model)

    def _params(self, entry: Entry, place: Place) -> Params:
        own = read(Params, entry.litellm_params, place, self.notes)
        name = own.litellm_credential_name
        shared = None if name is None else self.credentials.get(name)
        self.places.pop(name or "", None)
        if name is not None and shared is None:
            self.notes.add((*place, "litellm_credential_name"), "The file has no such credential.")
        return own if shared is None else shared.model_copy(update=_said(own))

    def _opens(self, entry: Entry, model: str, params: Params, info: Info, place: Place) -> bool:
        """Say whether a wildcard opens a provider: `prefix/*` does, if that is for all of its models."""
        name = entry.model_name or ""
        if name.count(_AS_ALL) != 1 or not name.endswith(_WILD) or model != _AS_ALL:
            self.notes.add((*place, "model_name"), UNOPENED)
            return False
        said: list[Place] = [("litellm_params", field) for field in sorted(_read(params) - _OF_WILDCARDS)]
        said += [("model_info", field) for field in sorted(_read(info))]
        said += [(field,) for field in ("rpm", "tpm") if getattr(entry, field) is not None]
        for where in said:
            self.notes.add((*place, *where), UNDEPLOYED)
        return True

    def _aliases(self, groups: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        for alias, target in (self.router.model_group_alias or {}).items():
            place = ("router_settings", "model_group_alias", alias)
            model = target.get("model") if is_mapping(target) else target
            for name in target if is_mapping(target) else ():
                if name != "model":
                    self.notes.add((*place, name), "All models can be asked for; a key's `models` can leave it out.")
            if not isinstance(model, str) or model not in groups or alias in groups:
                self.notes.add(place, "It leads to no model of the file, or has the name of one, and is left out.")
            else:
                yield alias, model

    def _models(
        self, groups: Mapping[str, Sequence[Deployed]], aliases: Mapping[str, str]
    ) -> Iterator[dict[str, object]]:
        routing, chains = self.routing, self.routing.chains({*groups, *aliases})
        taken: set[str] = set()
        for name, group in groups.items():
            named = ids(name, group, taken)
            taken |= set(named)
            by_weight = routing.strategy == "weighted"
            deployments = list(self._described(group, named, by_weight=by_weight))
            route = routing.route((name,), chains)
            yield {"name": name, "deployments": deployments, **({"route": route} if route else {})}

    def _described(
        self, group: Sequence[Deployed], named: Sequence[str], *, by_weight: bool
    ) -> Iterator[dict[str, object]]:
        filtered = bool(self.router.enable_tag_filtering)
        heavy = weights(group, self.notes) if by_weight else [1.0] * len(group)
        marked = tags(group, self.notes, filtered=filtered)
        for nr, (one, weight, order) in enumerate(zip(group, heavy, orders(group), strict=True)):
            if not by_weight and one.params.weight is not None:
                self.notes.add((*one.place, "litellm_params", "weight"), UNWEIGHED)
            extra = {"weight": _short(weight) if weight != 1 else None, "order": order, "tags": marked[nr]}
            said = {name: value for name, value in extra.items() if value not in (None, [])}
            described = self.describer.described(one)
            head = {name: described.pop(name) for name in ("provider", "model")}
            yield {"id": named[nr], **head, **said, **described}

    def _alias_models(self, groups: Mapping[str, object], aliases: Mapping[str, str]) -> Iterator[dict[str, object]]:
        """Yield a model for each alias: a target brings the tree of its model, the rest of the route is said again."""
        chains = self.routing.chains({*groups, *aliases})
        for alias, model in aliases.items():
            route = self.routing.route((alias, model), chains)
            yield {"name": alias, "route": route | {"strategy": "single", "targets": [{"model": model}]}}

    def _providers(self) -> dict[str, object]:
        timeout = self.settings.request_timeout if self.router.timeout is None else self.router.timeout
        if self.router.timeout is not None and self.settings.request_timeout is not None:
            self.notes.add(("litellm_settings", "request_timeout"), WEAKER)
        common = {} if timeout is None else {"timeout": _number(timeout)}
        common |= {"drop": [_AS_ALL]} if self.settings.drop_params else {}
        extra: dict[str, dict[str, object]] = {name: {"drop": [_AS_ALL]} for name in self.dropping}
        for name, spent in self._provider_budgets():
            extra.setdefault(name, {})["budgets"] = spent
        return self.accounts.document(common, extra)

    def _provider_budgets(self) -> Iterator[tuple[str, list[object]]]:
        for provider, told in (self.router.provider_budget_config or {}).items():
            place = ("router_settings", "provider_budget_config", provider)
            one = read(ProviderBudget, told, place, self.notes)
            usd = one.budget_limit if one.budget_limit is not None else one.max_budget
            if usd is None:
                self.notes.add(place, "It says no sum, so there is no budget.")
            spent = budgets(usd, one.time_period or one.budget_duration, place, self.notes)
            row = self.caller.row_of(provider)
            names: Sequence[str] = self.accounts.rows_of(row) if row is not None else ()
            if len(names) == 1 and spent:
                yield names[0], spent
            elif spent:
                told_ = f"A budget is of one account, and there are {len(names)}: give each its own under `providers`."
                self.notes.add(place, told_)

    def _workspaces(self) -> Iterator[dict[str, object]]:
        for place, entry in items(
            self.settings.default_team_settings, ("litellm_settings", "default_team_settings"), self.notes
        ):
            team = read(Team, entry, place, self.notes)
            if team.team_id is None:
                self.notes.add(place, "A team without team_id cannot become a workspace, and is left out.")
                continue
            limits = {
                "tokens_per_minute": team.tpm_limit,
                "requests_per_minute": team.rpm_limit,
                "parallel": team.max_parallel_requests,
            }
            said = {name: value for name, value in limits.items() if value is not None}
            spent = budgets(team.max_budget, team.budget_duration, (*place, "max_budget"), self.notes)
            yield {
                "id": team.team_id,
                **({"limits": said} if said else {}),
                **({"budgets": spent} if spent else {}),
            }

    def _end_users(self) -> dict[str, object]:
        place = ("litellm_settings", "max_end_user_budget")
        spent = budgets(self.settings.max_end_user_budget, None, place, self.notes)
        return {"budgets": spent} if spent else {}

    def _limits(self) -> dict[str, object]:
        size = self.general.max_request_size_mb
        return {} if size is None else {"request_bytes": max(int(size * _MEBIBYTE), 1024)}

    def _operations(self) -> dict[str, object]:
        said: dict[str, object] = {"log": "json"} if self.settings.json_logs else {}
        return said | ({"log_level": "debug"} if self.settings.set_verbose else {})


UNWEIGHED: Final = (
    "It does nothing with this strategy, so it is left out: with Headgate it would decide where others tie."
)

UNOPENED: Final = "Requests ask for models of the file, or for PROVIDER/MODEL of its providers: this entry is left out."
UNDEPLOYED: Final = "What is asked for as PROVIDER/MODEL has no deployment that could have this: it is left out."

#: What a provider has that a wildcard opens.
_OF_WILDCARDS: Final = frozenset(
    (
        "model",
        "custom_llm_provider",
        "api_key",
        "api_base",
        "base_url",
        "litellm_credential_name",
        "azure_ad_token",
        "organization",
        "headers",
        "extra_headers",
        "region_name",
        "aws_region_name",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "aws_bedrock_runtime_endpoint",
        "vertex_project",
        "vertex_location",
        "drop_params",
    )
)


def _is_wild(entry: Entry) -> bool:
    return _AS_ALL in (entry.model_name or "")


def _read(section: Section) -> frozenset[str]:
    return frozenset(section.model_fields_set) & (type(section).model_fields.keys() | section.passed)


def _said(params: Params) -> dict[str, object]:
    fields = {name: getattr(params, name) for name in params.model_fields_set}
    return {name: value for name, value in fields.items() if value is not None}


def _short(number: float) -> float:
    return int(number) if number.is_integer() else number


def _number(value: float | str) -> object:
    return Written(value) if isinstance(value, str) and REFERENCE.fullmatch(value) else value
