"""Addresses of a source: cleaned of what may not stand in a base URL, and of secrets."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from .document import REFERENCE, Notes, Place, Written
from .variables import Variables, variable

_BASE_URL: Final = re.compile(r"https?://[^\s?#/]+[^\s?#]*")
_QUERY_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")
#: A version of Azure's dated API; it has another that has none.
DATED: Final = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_VERSION: Final = "api-version"


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL, or a reference to one."""

    url: str
    #: Names and values behind the question mark.
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def is_reference(self) -> bool:
        """Whether a variable holds it."""
        return isinstance(self.url, Written)

    def with_version(self, suffix: str) -> str:
        """Return it with what the wire family's paths follow on, unless it has that already."""
        if not suffix:
            return self.url
        if self.is_reference:
            return Written(f"{_inside(self.url)}{suffix}")
        url = self.url.rstrip("/")
        if suffix.startswith("/openai"):
            return self.without_path("openai").rstrip("/") + suffix
        return url if urlsplit(url).path.endswith(suffix) else url + suffix

    def without_path(self, name: str) -> str:
        """Return it up to where a path of that name begins."""
        return self.url if self.is_reference else re.sub(rf"/{name}(/.*)?$", "", self.url)

    def query(self) -> dict[str, object]:
        """Return it as an entry of a provider."""
        return {"query": dict(self.asked)} if self.asked else {}


def address_of(text: str, variables: Variables, notes: Notes, place: Place) -> Address | None:
    """Read an address; None, and a note, if it is none."""
    if REFERENCE.fullmatch(text):
        notes.add(place, "What the variable holds must not end with a slash.")
        return Address(Written(text))
    try:
        parts = urlsplit(text.strip())
    except ValueError:  # of brackets that are no IPv6 address
        parts = urlsplit("")
    if parts.username is not None or parts.password is not None:
        return Address(Written(variables.secret(text, (variable(parts.hostname or "", "url"),), place)))
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    if not _BASE_URL.fullmatch(url):
        notes.add(place, "It is no address with https:// or http:// and a host, and is left out.")
        return None
    return Address(url, tuple(_asked(parts.query, parts.hostname or "", variables, place)))


def _asked(query: str, host: str, variables: Variables, place: Place) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in parse_qsl(query):
        if _QUERY_NAME.fullmatch(name):
            is_open = name == _VERSION and _QUERY_NAME.fullmatch(value)
            secret = variables.secret(value, (variable(host, name),), (*place, name)) if not is_open else value
            found.append((name, secret))
    return found


def _inside(reference: str) -> str:
    match = REFERENCE.fullmatch(reference)
    return f"${{{match[1]}}}" if match else reference
