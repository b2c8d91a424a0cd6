"""What `headgate providers check` says."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click
import httpx

from ...reporting.tables import Column, Format, Kind, Table, render
from ...routing.http import HttpCall
from ...routing.providers.auth import authorized
from ...routing.providers.aws import KEYS, keys_of
from ...routing.providers.resolve import Resolved, Unresolved, resolve
from ...routing.service import Auth
from ...schemas.config_providers import Provider
from ..credentials.credentials import Credentials
from ..credentials.sources import NoSecret
from ..http.sigv4 import NEEDED, load_sigv4
from ..http.transport import AiohttpTransport
from .exits import Status
from .loop import run_loop
from .settled import settings_of

_COLUMNS: Final = ("provider", "wire", "base_url", "credentials", "state")
_FINE: Final = "fine"
_SECONDS: Final = 20.0
#: Where a wire family lists its models, and what it wants to be told; others have no list for the same credential.
_MODELS: Final = MappingProxyType(
    {"openai": "/models", "azure-openai": "/models", "gemini": "/models", "anthropic": "/models"}
)
_TOLD: Final = MappingProxyType({"anthropic": (("anthropic-version", "2023-06-01"),)})


@dataclass(frozen=True, slots=True)
class _Checked:
    """One provider of the config, as far as it was got."""

    name: str
    found: Resolved | Unresolved
    state: str
    status: Status = Status.DONE

    def row(self) -> tuple[str | int, ...]:
        """Return its line of the table."""
        if isinstance(self.found, Unresolved):
            return (self.name, "", "", 0, self.state)
        return (self.name, self.found.wire, self.found.base_url, len(self.found.credentials), self.state)


def check_providers(config_file: Path | None, form: str, *, call: bool) -> Status:
    """Print how each provider stands; the worst of them is the exit status."""
    providers = settings_of(config_file).config.providers
    if not providers:
        click.echo("No provider is configured: the built-in simulator answers, nothing is spent.", err=True)
    checked = run_loop(_all_checked(providers, call=call))
    kinds = (Column(name, Kind.COUNT if name == "credentials" else Kind.TEXT) for name in _COLUMNS)
    click.echo(render(Table(tuple(kinds), tuple(each.row() for each in checked)), Format(form)), nl=False)
    return max((each.status for each in checked), default=Status.DONE)


async def _all_checked(providers: dict[str, Provider], *, call: bool) -> Sequence[_Checked]:
    async with AiohttpTransport(connections=len(providers) or 1) as transport:
        calls = transport if call else None
        return await asyncio.gather(*(_checked(name, each, calls) for name, each in providers.items()))


async def _checked(name: str, provider: Provider, transport: httpx.AsyncBaseTransport | None) -> _Checked:
    found = resolve(name, provider)
    if isinstance(found, Unresolved):
        return _Checked(name, found, "; ".join(found.problems), Status.BAD_USAGE)
    credentials = Credentials.of({name: provider})
    try:
        await credentials.start()
    except NoSecret as error:
        return _Checked(name, found, "; ".join(str(error).splitlines()), Status.BAD_USAGE)
    signs = found.service.auth is Auth.SIGV4
    unsigned = _unsigned(found, credentials) if signs else []
    if unsigned:
        return _Checked(name, found, "; ".join(unsigned), Status.BAD_USAGE)
    if transport is None or signs or found.wire not in _MODELS:
        return _Checked(name, found, _FINE if transport is None else f"{_FINE}, not called: it has no list of models")
    states = [await _called(transport, found, credentials.secret(each.name)) for each in found.credentials]
    states = states or [await _called(transport, found, None)]
    is_fine = all(state.startswith(_FINE) for state in states)
    return _Checked(name, found, "; ".join(dict.fromkeys(states)), Status.DONE if is_fine else Status.OUR_FAULT)


def _unsigned(found: Resolved, credentials: Credentials) -> list[str]:
    """Say why calls cannot be signed, a sentence per reason."""
    library = [NEEDED] if load_sigv4() is None else []
    held = {each.name: credentials.secret(each.name) or "" for each in found.credentials}
    return library + [f"credential {name}: expected {KEYS}, got other" for name in held if keys_of(held[name]) is None]


async def _called(transport: httpx.AsyncBaseTransport, found: Resolved, secret: str | None) -> str:
    """Ask for the list of models. Nothing of the answer but its status is told: it may quote the credential."""
    service = found.service
    headers = (*service.headers, *_TOLD.get(found.wire, ()))
    url = httpx.URL(found.base_url + _MODELS[found.wire], params=dict(service.query) or None)
    call = authorized(HttpCall(str(url), headers, b""), service.auth, secret)
    request = httpx.Request("GET", url, headers=call.headers, extensions={"timeout": {"total": _SECONDS}})
    try:
        response = await transport.handle_async_request(request)
    except httpx.TransportError as error:
        return f"cannot be called: {str(error) or type(error).__name__}"
    return _meaning(response.status_code)


def _meaning(status: int) -> str:
    match status:
        case 200:
            return f"{_FINE}, answered"
        case 401 | 403:
            return f"refuses the credential: HTTP {status}"
        case 404 | 405:
            return f"{_FINE}, but has no list of models: HTTP {status}"
        case _:
            return f"answered HTTP {status}"
