"""Whom a deployment of LiteLLM calls: the provider, the account with it, and the provider's name of the model."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from ....schemas.plain import is_mapping
from ...providers.catalogue import Row
from ..accounts import Account, is_host_of, row_called
from ..document import REFERENCE, Notes, Place, Written
from ..urls import DATED, Address, address_of
from ..variables import SIGNED, Variables, variable
from .model_list import Params

#: What LiteLLM calls a provider of the catalogue otherwise.
_CALLED: Final[Mapping[str, str]] = MappingProxyType(
    {"cohere_chat": "cohere", "vertex_ai_beta": "vertex", "bedrock_converse": "bedrock", "bedrock": "bedrock"}
)
#: Servers of one's own that speak OpenAI's wire, with the address that LiteLLM takes for granted.
_OWN: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "hosted_vllm": None,
        "vllm": None,
        "openai_like": None,
        "custom_openai": None,
        "custom": None,
        "xinference": None,
        "infinity": None,
        "litellm_proxy": None,
        "lm_studio": "http://localhost:1234/v1",
        "llamafile": "http://127.0.0.1:8080/v1",
        "ollama": "http://localhost:11434/v1",
        "ollama_chat": "http://localhost:11434/v1",
    }
)
#: How the names of models begin that LiteLLM knows without a prefix.
_KNOWN: Final = (
    (re.compile(r"gpt-|chatgpt|o[1345](-|$)|text-embedding-|omni-|dall-e|whisper|ft:|codex|davinci"), "openai"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gemini"), "vertex"),
    (re.compile(r"command|embed-(english|multilingual)|rerank-"), "cohere"),
    (re.compile(r"(us|eu|apac|global)\.(anthropic|amazon|meta)\.|(anthropic|amazon|meta|cohere|mistral)\."), "bedrock"),
)
#: Words before the model's name that steer LiteLLM.
_STEERING: Final = re.compile(r"(responses|o_series|gpt5_series|converse|invoke|chat)/")
_REGION: Final = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/")
_SECRET_HEADER: Final = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
_VARIABLE: Final = re.compile(r"(?:os\.environ/|\$\{)(\w+)")
_API_VERSION: Final = "api-version"
_GCLOUD: Final = ("gcloud", "auth", "print-access-token")


class Caller:
    """Finds out whom deployments call."""

    def __init__(self, rows: Mapping[str, Row], variables: Variables, notes: Notes) -> None:
        self._rows: Final = rows
        self._variables: Final = variables
        self._notes: Final = notes

    def __repr__(self) -> str:
        return f"<Caller with {len(self._rows)} providers>"

    def whom(self, params: Params, place: Place) -> tuple[Account, str] | None:
        """Return the account and the model; None, and a note, if nobody is called by Headgate."""
        provider, model = self._split(params)
        if provider is None or not model:
            said = params.custom_llm_provider or (params.model or "").partition("/")[0]
            self._notes.add(
                (*place, "model"), f"No provider of the catalogue is called {said}: the deployment is left out."
            )
            return None
        return self._account(provider, model, params, place)

    def row_of(self, provider: str) -> str | None:
        """Return the id of the row that LiteLLM calls by a name."""
        return self._known(provider)

    def _split(self, params: Params) -> tuple[str | None, str]:
        prefix, slash, rest = (params.model or "").partition("/")
        said = params.custom_llm_provider
        if said is not None:
            return self._known(said), rest if slash and prefix == said else params.model or ""
        if slash and (known := self._known(prefix)) is not None:
            return known, rest
        if slash and not params.api_base:
            return None, ""
        return next((row for names, row in _KNOWN if names.match(params.model or "")), "openai"), params.model or ""

    def _known(self, name: str) -> str | None:
        if name in _OWN:
            return name
        return _CALLED.get(name) or row_called(name, "litellm", self._rows)

    def _account(self, provider: str, model: str, params: Params, place: Place) -> tuple[Account, str] | None:
        model = _STEERING.sub("", model, count=1) if _STEERING.match(model) else model
        if provider == "vertex" and "claude" in model:
            provider = "vertex-anthropic"
        shape: Mapping[str, Callable[[str, str, Params, Place], tuple[dict[str, object], str]]] = {
            "azure": self._azure,
            "bedrock": self._bedrock,
            "vertex": self._vertex,
            "vertex-anthropic": self._vertex,
        }
        entry, model = shape.get(provider, self._usual)(provider, model, params, place)
        entry |= self._headers(provider, params, place)
        if provider in _OWN or (provider == "openai" and "base_url" in entry):
            return self._own(provider, entry, model, params, place)
        return Account(provider, entry, self._hints(entry, params)), model

    def _own(
        self, provider: str, entry: dict[str, object], model: str, params: Params, place: Place
    ) -> tuple[Account, str] | None:
        if "base_url" not in entry:
            told = f"{provider} has no address here, so the deployment is left out: give its api_base."
            self._notes.add((*place, "model"), told)
            return None
        hints = self._hints(entry, params)
        named = [hint for hint in hints if not _says_nothing(hint)]
        kind = "openai-compatible" if provider == "openai" else provider
        return Account(None, entry, (*named, kind, *(hint for hint in hints if hint not in named))), model

    def _hints(self, entry: Mapping[str, object], params: Params) -> tuple[str, ...]:
        options = entry.get("options")
        told = [str(each) for each in options.values() if not isinstance(each, Written)] if is_mapping(options) else []
        url = str(entry.get("base_url", ""))
        named = _VARIABLE.match(url)
        host = named[1] if named else urlsplit(url).hostname or ""
        organization = REFERENCE.sub(r"\1", params.organization or "")
        names = (params.litellm_credential_name or "", *map(_short, told), _short(host), organization)
        return tuple(name for name in names if name)

    def _usual(self, provider: str, model: str, params: Params, place: Place) -> tuple[dict[str, object], str]:
        entry: dict[str, object] = {}
        address = self._address(params, place)
        if address is None and provider in _OWN and _OWN[provider] is not None:
            entry["base_url"] = _OWN[provider]
        if address is not None:
            entry |= self._placed(provider, address)
        entry |= self._key(provider, params, place, foreign="base_url" in entry)
        if params.api_version is not None:
            entry |= self._version(provider, params.api_version, entry, place)
        if params.region_name is not None:
            self._notes.add(
                (*place, "region_name"), "This provider is not called by region; `tags` can tell regions apart."
            )
        return entry, model

    def _version(self, provider: str, version: str, entry: Mapping[str, object], place: Place) -> dict[str, object]:
        row = self._rows.get(provider)
        if row is None or _API_VERSION not in row.query:
            self._notes.add((*place, "api_version"), "Only Azure is called by a version: it is left out.")
            return {}
        told = entry.get("query")
        return {"query": {**(told if is_mapping(told) else {}), _API_VERSION: _reference(version)}}

    def _placed(self, provider: str, address: Address) -> dict[str, object]:
        """Return what an address says: nothing for the provider's own host, its options, or a base URL."""
        row = self._rows.get(provider)
        options = None if row is None or address.is_reference else is_host_of(row, address.url)
        if options is not None:
            return {"options": dict(options)} if options else {}
        return {"base_url": address.with_version(_version(provider, row))} | address.query()

    def _address(self, params: Params, place: Place) -> Address | None:
        name = "api_base" if params.api_base else "base_url"
        text = params.api_base or params.base_url
        return None if text is None else address_of(text, self._variables, self._notes, (*place, name))

    def _key(self, provider: str, params: Params, place: Place, *, foreign: bool) -> dict[str, object]:
        row = self._rows.get(provider)
        if params.api_key is not None:
            wanted = (
                *(row.keys[:1] if row and not foreign else ()),
                variable(self._owner(params, provider), "api key"),
            )
            return {"api_key": self._variables.secret(params.api_key, wanted, (*place, "api_key"))}
        if row is not None and foreign and row.keys and provider != "openai":
            return {"api_key": Written(f"os.environ/{'AZURE_API_KEY' if provider == 'azure' else row.keys[0]}")}
        return {}

    def _owner(self, params: Params, provider: str) -> str:
        return params.litellm_credential_name or provider

    def _azure(self, provider: str, model: str, params: Params, place: Place) -> tuple[dict[str, object], str]:
        address = self._address(params, place)
        version = params.api_version or ""
        entry: dict[str, object] = {}
        if DATED.fullmatch(version) or REFERENCE.fullmatch(version):
            url = Written("os.environ/AZURE_API_BASE") if address is None else address.without_path("openai")
            entry |= {"base_url": url, "query": {_API_VERSION: _reference(version)}}
        elif address is None and params.api_base is None:
            entry["base_url"] = Written("${AZURE_API_BASE}/openai/v1")
        elif address is not None:
            entry |= self._placed(provider, address)
        if params.azure_ad_token is not None:
            wanted = (variable(self._owner(params, provider), "ad token"),)
            token = self._variables.secret(params.azure_ad_token, wanted, (*place, "azure_ad_token"))
            return entry | {"auth": "bearer", "api_key": token}, model
        return entry | self._key(provider, params, place, foreign="base_url" in entry), model

    def _bedrock(self, provider: str, model: str, params: Params, place: Place) -> tuple[dict[str, object], str]:
        match = _REGION.match(model)
        model = model[match.end() :] if match else model
        region = params.aws_region_name or params.region_name or (match[1] if match else None)
        entry: dict[str, object] = {} if region is None else {"options": {"region": _reference(region)}}
        if params.aws_bedrock_runtime_endpoint is not None:
            where = (*place, "aws_bedrock_runtime_endpoint")
            address = address_of(params.aws_bedrock_runtime_endpoint, self._variables, self._notes, where)
            entry |= {} if address is None else {"base_url": address.with_version("")} | address.query()
            if region is None:  # no host says for which region its calls are signed
                entry["options"] = {"region": Written("${AWS_REGION}")}
        if params.api_key is not None:
            return entry | self._key(provider, params, place, foreign=False), model
        return entry | {"auth": "sigv4", "api_key": self._signing(params, place)}, model

    def _signing(self, params: Params, place: Place) -> Written:
        """Return ID:SECRET[:TOKEN], as references; without keys those that AWS's own tools read."""
        self._notes.add((*place, "model"), SIGNED)
        parts = {
            "aws_access_key_id": params.aws_access_key_id,
            "aws_secret_access_key": params.aws_secret_access_key,
            "aws_session_token": params.aws_session_token,
        }
        texts: list[str] = []
        for name, text in parts.items():
            if text is not None:
                wanted = (name.upper(), variable(self._owner(params, "bedrock"), name))
                texts.append(_inside(self._variables.secret(text, wanted, (*place, name))))
            elif name != "aws_session_token":
                texts.append(f"${{{name.upper()}}}")
        return Written(":".join(texts))

    def _vertex(self, _: str, model: str, params: Params, place: Place) -> tuple[dict[str, object], str]:
        location = params.vertex_location or params.region_name
        told = {"project": params.vertex_project, "location": location}
        options = {name: _reference(text) for name, text in told.items() if text is not None}
        entry: dict[str, object] = {"options": options} if options else {}
        address = self._address(params, place)
        if address is not None:
            self._notes.add((*place, "api_base"), "Vertex is called at its own address, by project and location.")
        return entry | {"credentials": [{"exec": list(_GCLOUD), "refresh": "30m"}]}, model.removeprefix("gemini/")

    def _headers(self, provider: str, params: Params, place: Place) -> dict[str, object]:
        headers: dict[str, object] = {}
        if params.organization is not None:
            headers["OpenAI-Organization"] = _reference(params.organization)
        for field in ("headers", "extra_headers"):
            told: dict[str, object] = getattr(params, field) or {}
            for name, value in told.items():
                headers |= self._header(name, value, self._owner(params, provider), (*place, field, name))
        return {"headers": headers} if headers else {}

    def _header(self, name: str, value: object, owner: str, place: Place) -> dict[str, object]:
        text = str(value)
        if (
            not _HEADER.fullmatch(name)
            or not isinstance(value, str | int | float)
            or not re.fullmatch(r"[\x20-\x7e]+", text)
        ):
            self._notes.add(place, "It is no header that can be sent, and is left out.")
            return {}
        if _SECRET_HEADER.search(name):
            return {name: self._variables.secret(text, (variable(owner, name),), place)}
        return {name: _reference(text)}


def _version(provider: str, row: Row | None) -> str:
    """Return what follows the address that LiteLLM is given, where Headgate's has it."""
    if provider == "azure":
        return "/openai/v1"
    if provider in {"ollama", "ollama_chat"} or (row is not None and row.wire == "anthropic"):
        return "/v1"
    return ""


def _reference(text: str) -> str:
    return Written(text) if REFERENCE.fullmatch(text) else text


def _inside(text: Written) -> str:
    match = REFERENCE.fullmatch(text)
    return f"${{{match[1]}}}" if match else str(text)


def _short(text: str) -> str:
    """Return the first part of a host's name that tells something, or the whole of anything else."""
    text = REFERENCE.sub(r"\1", text)
    parts = [part for part in text.split(".") if part not in {"www", "api"}]
    return text if _says_nothing(text) or not parts else parts[0]


def _says_nothing(host: str) -> bool:
    return host == "localhost" or all(part.isdigit() for part in host.split("."))
