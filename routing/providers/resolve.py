"""From a provider's part of the config and its row of the catalogue to how it is called. There is no default host."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ...schemas.config_providers import Provider
from ...schemas.request import Endpoint
from ..credentials import Credential, named
from ..service import Auth, ParameterRules, Service
from .aws import region_of
from .catalogue import Row, catalogue, id_of, like, row_of
from .families import FAMILIES
from .family import Family

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
#: A provider that the catalogue does not know speaks this wire unless it says otherwise.
_USUAL_WIRE: Final = "openai"
#: Wires whose bodies go out as they came, but for what the catalogue and the config say of parameters. The others put
#: every parameter into words of their own, so that nothing there can be renamed, or said in another style.
_AS_SENT: Final = frozenset({"openai", "azure-openai"})
#: Where the shell gets the credential from something else than a variable's text.
_ELSEWHERE: Final = frozenset({Auth.GOOGLE, Auth.SIGV4, Auth.NONE})
#: The parameter that can be emulated.
_N: Final = "n"


@dataclass(frozen=True, slots=True)
class Resolved:
    """How a provider is called."""

    wire: str
    base_url: str
    service: Service
    timeout: float
    credentials: tuple[Credential, ...]
    #: The first credential that the config itself holds.
    api_key: str | None = field(default=None, repr=False)
    #: The id of the catalogue whose facts and prices are its own; None: its name's.
    like: str | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a provider cannot be called: one sentence per problem, each with its place in the config."""

    problems: tuple[str, ...]


def resolve(
    name: str,
    provider: Provider,
    rows: Mapping[str, Row] | None = None,
    families: Mapping[str, Family] = FAMILIES,
) -> Resolved | Unresolved:
    """Resolve one provider of the config, `name` being its id there."""
    rows = catalogue() if rows is None else rows
    row = row_of(provider.like or name, rows)
    if row is None and provider.like is not None:
        return Unresolved((_unlike(name, provider.like, rows),))
    if row is None and provider.base_url is None:
        return Unresolved((_unknown(name, rows),))
    row = _as_told(row, provider)
    family = families.get(row.wire)
    if family is None:
        known = ", ".join(sorted(families))
        return Unresolved((f"providers.{name}.wire: expected one of {known}, got {row.wire}",))
    problems = tuple(_problems(name, provider, row, family))
    if problems:
        return Unresolved(problems)
    return replace(_resolved(name, provider, row, family), like=id_of(provider.like or name, rows))


def _unknown(name: str, rows: Mapping[str, Row]) -> str:
    return f"providers.{name}: expected a base_url, or an id of the catalogue ({_meant(name, rows)}), got neither"


def _unlike(name: str, wanted: str, rows: Mapping[str, Row]) -> str:
    return f"providers.{name}.like: expected an id of the catalogue ({_meant(wanted, rows)}), got {wanted}"


def _meant(name: str, rows: Mapping[str, Row]) -> str:
    meant = " or ".join(like(name, rows))
    return f"did you mean {meant}?" if meant else "`headgate providers list` shows them"


def _as_told(row: Row | None, provider: Provider) -> Row:
    """Lay the config over the row. A base URL of the user's own is another host: nothing of the row's leads back."""
    wire = provider.wire or (row.wire if row else _USUAL_WIRE)
    if row is None or row.wire != wire:
        row = Row(wire, "", (), (), "C", "config")
    paths = dict(row.paths)
    if provider.base_url is not None:
        paths = {word: path for word, path in paths.items() if path.startswith("/")}
    return msgspec.structs.replace(
        row,
        base_url=provider.base_url or _base_url(row, provider.options),
        hosts=() if provider.base_url else row.hosts,
        endpoints=tuple(provider.endpoints or (*row.endpoints, *(provider.paths if row.endpoints else ()))),
        paths={**paths, **provider.paths},
        auth=Auth(provider.auth) if provider.auth else row.auth,
        headers=_overlaid(row.headers, provider.headers),
        query={**row.query, **provider.query},
        unsupported=row.unsupported - set(provider.supported),
        reasoning=provider.reasoning or row.reasoning,
    )


def _base_url(row: Row, options: Mapping[str, str]) -> str:
    is_global = row.global_url is not None and options.get("location") == "global"
    return row.global_url if is_global and row.global_url else row.base_url


def _overlaid(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Lay headers over others; names of headers are the same in any case of letters."""
    taken = {name.lower() for name in theirs}
    return {**{name: value for name, value in ours.items() if name.lower() not in taken}, **theirs}


def _problems(name: str, provider: Provider, row: Row, family: Family) -> Iterator[str]:
    missing = [each for each in _PLACEHOLDER.findall(row.base_url) if each not in provider.options]
    for option in dict.fromkeys(missing):
        yield f"providers.{name}.options: expected {option}, for {row.base_url}, got none"
    if not missing:
        yield from _host_problems(name, provider, row)
        yield from (f"providers.{name}.{problem}" for problem in _address_problems(provider, row, family))
    known = {word_of(endpoint) for endpoint in family.paths}
    for word in sorted({*(provider.endpoints or ()), *provider.paths} - known):
        expected = f"endpoints of the wire {row.wire} ({', '.join(sorted(known))})"
        yield f"providers.{name}: expected {expected}, got {word}"
    if provider.reasoning is not None and row.wire not in _AS_SENT:
        expected = f"nothing on the wire {row.wire}, which has words of its own for reasoning_effort"
        yield f"providers.{name}.reasoning: expected {expected}, got {provider.reasoning}"
    if provider.base_url is None and not _has_credential(provider, row):
        variables = "".join(f", or {key} in the environment" for key in row.keys if row.auth not in _ELSEWHERE)
        yield f"providers.{name}: expected api_key or credentials{variables}, got none"


def _address_problems(provider: Provider, row: Row, family: Family) -> Iterator[str]:
    url = filled(row.base_url, provider.options)
    problem = family.problem(url, row.query)
    if problem is not None:
        yield problem
    if row.auth is Auth.SIGV4 and region_of(url, provider.options) is None:
        yield f"options: expected region, which calls to {url} are signed for, got none"


def _has_credential(provider: Provider, row: Row) -> bool:
    return row.auth is Auth.NONE or provider.api_key is not None or bool(provider.credentials)


def _host_problems(name: str, provider: Provider, row: Row) -> Iterator[str]:
    url = filled(row.base_url, provider.options)
    host = urlsplit(url).hostname or ""
    if not host:
        yield f"providers.{name}.base_url: expected a URL with a host, got {url}"
    elif row.hosts and not any(fnmatchcase(host, pattern) for pattern in row.hosts):
        yield f"providers.{name}.options: expected a host like {' or '.join(row.hosts)}, got {host}"


def filled(template: str, options: Mapping[str, str]) -> str:
    """Return a URL with its placeholders filled in, without a slash at the end; those without a value stay."""
    return _PLACEHOLDER.sub(lambda match: options.get(match[1], match[0]), template).rstrip("/")


def _resolved(name: str, provider: Provider, row: Row, family: Family) -> Resolved:
    given = [provider.api_key] if provider.api_key else [each.api_key for each in provider.credentials]
    weights = [1.0] if provider.api_key else [each.weight for each in provider.credentials]
    first = next((secret.get_secret_value() for secret in given if secret is not None), None)
    base_url = filled(row.base_url, provider.options)
    return Resolved(row.wire, base_url, _service(provider, row, family), provider.timeout, named(name, weights), first)


def _service(provider: Provider, row: Row, family: Family) -> Service:
    rules = ParameterRules(
        rename=MappingProxyType(row.rename),
        unsupported=row.unsupported,
        ranges=MappingProxyType(row.ranges),
        values=MappingProxyType(row.values),
        fixed=MappingProxyType(row.fixed),
        text_only=row.text_only,
    )
    return Service(
        paths=_paths(row, family),
        auth=row.auth,
        headers=tuple(row.headers.items()),
        query=tuple(row.query.items()),
        rules=rules,
        reasoning=row.reasoning,
        drop=frozenset(provider.drop),
        options=MappingProxyType(dict(provider.options)),
        fan_out_over=_most_choices(row, family) if _N in provider.emulate else None,
    )


def _most_choices(row: Row, family: Family) -> int | None:
    """Return how many choices one call can make, None if nobody knows of a limit."""
    if _N in row.unsupported:
        return 1
    return int(row.ranges[_N][1]) if _N in row.ranges else family.choices


def _paths(row: Row, family: Family) -> Mapping[Endpoint, str] | None:
    """Return the paths of what is served and can be spoken; None where the family's own are all that is known."""
    if not row.endpoints and not row.paths:
        return None
    words = {word_of(endpoint): (endpoint, path) for endpoint, path in family.paths.items()}
    served = row.endpoints or tuple(words)
    return MappingProxyType({words[word][0]: row.paths.get(word, words[word][1]) for word in served if word in words})


def word_of(endpoint: Endpoint) -> str:
    """Return what the catalogue and the config call an endpoint.

    >>> word_of(Endpoint.CHAT)
    'chat'
    """
    return endpoint.name.lower()
