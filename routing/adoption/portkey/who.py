"""Whom a target of Portkey calls: the provider, the account with it, and the provider's name of the model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ....schemas.plain import is_mapping
from ...providers.catalogue import Row
from ..accounts import Account, is_host_of, row_called
from ..document import Notes, Place, Written
from ..urls import DATED, address_of
from ..variables import SIGNED, Variables, variable
from .format import Target

_GCLOUD: Final = ("gcloud", "auth", "print-access-token")
_OPTIONS: Final = (
    ("resource", ("resource_name", "azure_resource_name")),
    ("region", ("aws_region",)),
    ("project", ("vertex_project_id",)),
    ("location", ("vertex_region",)),
    ("account_id", ("workers_ai_account_id",)),
    ("account", ("snowflake_account",)),
)
_HEADERS: Final = (
    ("OpenAI-Organization", "openai_organization"),
    ("OpenAI-Project", "openai_project"),
    ("OpenAI-Beta", "openai_beta"),
    ("anthropic-beta", "anthropic_beta"),
    ("anthropic-version", "anthropic_version"),
)
_API_VERSION: Final = "api-version"
_PORTKEY: Final = "Portkey"
#: What Portkey calls a provider of the catalogue otherwise.
_CALLED: Final = MappingProxyType({"vertex-ai": "vertex"})


@dataclass(frozen=True, slots=True)
class _Named:
    """What a target says of its provider."""

    row: str
    #: The name under which Portkey keeps the credential.
    slug: str | None
    model: str | None


class Caller:
    """Finds out whom targets call."""

    def __init__(self, rows: Mapping[str, Row], slugs: Mapping[str, str], variables: Variables, notes: Notes) -> None:
        self._rows: Final = rows
        self._slugs: Final = slugs
        self._variables: Final = variables
        self._notes: Final = notes
        self._kept: dict[str, Written] = {}
        self._known: Final = {name: id_ for id_, row in rows.items() for name in _names(id_, row)}

    def __repr__(self) -> str:
        return f"<Caller with {len(self._rows)} providers>"

    def model_of(self, target: Target, params: Mapping[str, object]) -> str | None:
        """Return the model that a target asks for, whatever its request says; None: the request's."""
        said = params.get("model")
        deployment = target.deployment_id or target.azure_deployment_id or target.azure_deployment_name
        return deployment or (_parts(said)[1] if isinstance(said, str) else None)

    def slug_of(self, target: Target, params: Mapping[str, object]) -> str | None:
        """Return the name under which Portkey keeps a target's credential."""
        said, provider = params.get("model"), target.provider or ""
        by_model = _parts(said)[0] if isinstance(said, str) else None
        return target.virtual_key or (provider[1:] if provider.startswith("@") else None) or by_model

    def whom(self, target: Target, params: Mapping[str, object], host: str | None, place: Place) -> Account | None:
        """Return the account; None, and a note, if nobody is called by Headgate."""
        own = target.azure_foundry_url or target.huggingface_base_url or host
        named = self._named(target, params, own, place)
        if named is None:
            return None
        row, entry = named.row, self._options(target)
        if own is not None:
            suffix = {"azure": "/openai/v1"}.get(row, "/v1" if target.provider == "ollama" else "")
            entry |= self._placed(row, own, suffix, (*place, "custom_host"))
        entry |= self._version(row, target, entry, place)
        if row == "vertex":
            row = "vertex-anthropic" if "claude" in (named.model or "") else row
            entry |= {"credentials": [{"exec": list(_GCLOUD), "refresh": "30m"}]}
        else:
            entry |= self._shown(target, named, place, foreign="base_url" in entry)
        headers = {theirs: getattr(target, ours) for theirs, ours in _HEADERS if getattr(target, ours) is not None}
        entry |= {"headers": headers} if headers else {}
        is_own = row == "openai" and "base_url" in entry
        return Account(None if is_own else row, entry, (named.slug or "", target.name or "", row))

    def _row(self, provider: str) -> str | None:
        return _CALLED.get(provider) or row_called(provider, "portkey", self._rows)

    def _named(self, target: Target, params: Mapping[str, object], host: str | None, place: Place) -> _Named | None:
        said, provider = params.get("model"), target.provider or ""
        model = _parts(said)[1] if isinstance(said, str) else None
        slug = self.slug_of(target, params)
        known = None if not provider or provider.startswith("@") else self._row(provider)
        row = known or (None if slug is None else self._of_slug(slug, place))
        if row is None and slug is None and provider and host is not None:
            self._notes.add((*place, "provider"), f"The server of {provider} is taken to speak OpenAI's wire.")
            return _Named("openai", None, model)
        if row is None:
            told = f"No provider of the catalogue is known by {slug or provider or 'no name'}: the target is left out"
            hint = f"; `--slug {slug}=PROVIDER` says whose it is." if slug else "."
            self._notes.add((*place, "virtual_key" if target.virtual_key else "provider"), told + hint)
            return None
        return _Named(row, slug, model)

    def _of_slug(self, slug: str, place: Place) -> str | None:
        if slug in self._slugs:
            return self._row(self._slugs[slug])
        fits = [name for name in self._known if re.search(rf"(^|[-_]){re.escape(name)}([-_]|$)", slug)]
        if not fits:
            return None
        found = self._known[max(fits, key=len)]
        told = f"By its name {slug} is taken for one of {found}: `--slug {slug}=PROVIDER` says it if that is wrong."
        self._notes.add((*place, "provider"), told)
        return found

    def _options(self, target: Target) -> dict[str, object]:
        options: dict[str, object] = {}
        for option, fields in _OPTIONS:
            told = next((value for field in fields if (value := getattr(target, field)) is not None), None)
            options |= {} if told is None else {option: told}
        return {"options": options} if options else {}

    def _version(self, row: str, target: Target, entry: dict[str, object], place: Place) -> dict[str, object]:
        version = target.api_version or target.azure_api_version
        if version is None:
            return {}
        if row == "azure" and DATED.fullmatch(version):
            options = entry.pop("options", None)
            resource = options.get("resource") if is_mapping(options) else None
            url = str(entry.get("base_url", f"https://{resource}.openai.azure.com"))
            return {"base_url": url.removesuffix("/openai/v1"), "query": {_API_VERSION: version}}
        if _API_VERSION in self._rows[row].query:
            return {"query": {_API_VERSION: version}}
        if row != "azure":
            self._notes.add((*place, "api_version"), "Only Azure is called by a version: it is left out.")
        return {}

    def _placed(self, row: str, text: str, suffix: str, place: Place) -> dict[str, object]:
        address = address_of(text, self._variables, self._notes, place)
        if address is None:
            return {}
        options = None if address.is_reference else is_host_of(self._rows[row], address.url)
        if options is not None:
            return {"options": dict(options)} if options else {}
        return {"base_url": address.with_version(suffix)} | address.query()

    def _shown(self, target: Target, named: _Named, place: Place, *, foreign: bool) -> dict[str, object]:
        """Return how the credential is shown."""
        row = self._rows[named.row]
        if target.azure_ad_token is not None:
            wanted = (variable(named.slug or named.row, "ad token"),)
            token = self._variables.secret(target.azure_ad_token, wanted, (*place, "azure_ad_token"))
            return {"auth": "bearer", "api_key": token}
        if target.aws_access_key_id is not None or target.aws_secret_access_key is not None:
            return {"auth": "sigv4", "api_key": self._signing(target, named, place)}
        if target.api_key is not None:
            mine = variable(named.slug or target.name or named.row, "api key")
            names = (mine,) if foreign else (*row.keys[:1], mine)
            return {"api_key": self._variables.secret(target.api_key, names, (*place, "api_key"))}
        return {} if named.slug is None else {"api_key": self._kept_by_portkey(named.slug, place)}

    def _kept_by_portkey(self, slug: str, place: Place) -> Written:
        if slug not in self._kept:
            self._kept[slug] = self._variables.missing((variable(slug, "api key"),), place, f"{_PORTKEY}, as {slug}")
        return self._kept[slug]

    def _signing(self, target: Target, named: _Named, place: Place) -> Written:
        self._notes.add((*place, "provider"), SIGNED)
        texts: list[str] = []
        for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
            text: str | None = getattr(target, name)
            if text is not None:
                wanted = (name.upper(), variable(named.slug or named.row, name))
                texts.append(str(self._variables.secret(text, wanted, (*place, name))))
            elif name != "aws_session_token":
                texts.append(f"${{{name.upper()}}}")
        return Written(":".join(texts))


def upstream(row: str | None, model: str) -> str:
    """Return a model's name without what Portkey puts before it."""
    if row in {"vertex", "vertex-anthropic"}:
        return re.sub(r"^(anthropic|google|gemini)\.", "", model)
    return model


def _parts(model: str) -> tuple[str | None, str]:
    """Split `@slug/model`."""
    if not model.startswith("@"):
        return None, model
    slug, _, name = model[1:].partition("/")
    return slug, name or model


def _names(id_: str, row: Row) -> tuple[str, ...]:
    return (id_, *row.aliases)
