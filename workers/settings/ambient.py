"""What the environment says of providers of the catalogue that the config only names: credentials and options."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from ...routing.providers.catalogue import catalogue, row_of
from ...schemas.plain import is_mapping
from .errors import Place
from .references import Resolved

#: Ways to show a credential that is not the text of one variable.
_OTHERWISE: Final = ("google", "sigv4", "none")


class _Found(NamedTuple):
    place: Place
    variable: str


def with_environment(resolved: Resolved, environ: Mapping[str, str], stand_in: str | None = None) -> Resolved:
    """Fill in what the variables of the catalogue hold, as if the file had referred to them.

    `stand_in` is taken for one of them where none is set.
    """
    providers = _mapping(_mapping(resolved.data).get("providers"))
    entries = {name: entry for name, entry in providers.items() if is_mapping(entry)}
    found = [each for name, entry in entries.items() for each in _found(name, entry, environ, stand_in)]
    data = resolved.data
    for place, variable in found:
        data = _set(data, place, environ.get(variable) or stand_in or "")
    told = {place: f"os.environ/{variable}" for place, variable in found}
    return replace(resolved, data=data, references={**resolved.references, **told})


def _found(
    name: str, entry: Mapping[str, object], environ: Mapping[str, str], stand_in: str | None
) -> Iterator[_Found]:
    """Find nothing for a base URL of the user's own: there sits somebody else, who must not be shown a credential."""
    row = None if entry.get("base_url") else row_of(str(entry.get("like") or name), catalogue())
    if row is None:
        return
    place = ("providers", name)
    told = entry.get("api_key") or entry.get("credentials")
    if not told and (entry.get("auth") or row.auth) not in _OTHERWISE:
        yield from _first((*place, "api_key"), row.keys, environ, stand_in)
    options = entry.get("options")
    told_options = _mapping(options)
    for option, variables in row.options.items() if options is None or is_mapping(options) else ():
        if told_options.get(option) is None:
            yield from _first((*place, "options", option), variables, environ, stand_in)


def _first(
    place: Place, variables: tuple[str, ...], environ: Mapping[str, str], stand_in: str | None
) -> Iterator[_Found]:
    found = [variable for variable in variables if environ.get(variable)]
    if not found and stand_in is not None:
        found = list(variables)
    yield from (_Found(place, variable) for variable in found[:1])


def _mapping(value: object) -> Mapping[str, object]:
    return {str(name): inner for name, inner in value.items()} if is_mapping(value) else {}


def _set(data: object, place: Place, value: str) -> object:
    if not place:
        return value
    here = _mapping(data)
    return {**here, str(place[0]): _set(here.get(str(place[0])), place[1:], value)}
