"""Whose limits and budgets an attempt touches, and how these are named."""

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

#: What stays readable beside letters, digits and `_.-~`. Not `:`, `=` and `*`, which have a meaning here.
_SAFE: Final = "@/+,"
#: The most bytes of one part of a name; longer ones are cut, and told apart by a digest.
_LONGEST: Final = 120
_HEAD: Final = 60


class Subject(msgspec.Struct, frozen=True):
    """Who asks for what, and who would be called. What is absent has no limits."""

    key: str
    workspace: str | None = None
    org: str | None = None
    end_user: str | None = None
    #: As the request, or the fallback that it was sent on to, names it.
    model: str = ""
    deployment: str = ""
    provider: str = ""
    metadata: Mapping[str, str] = {}


def part(text: str) -> str:
    """Spell what people chose as a part of a name: another text, another spelling; at most 120 bytes of ASCII.

    >>> part("alice@example.org"), part("a:b")
    ('alice@example.org', 'a%3Ab')
    """
    spelled = quote(text, safe=_SAFE, errors="surrogatepass")
    if len(spelled) <= _LONGEST:
        return spelled
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{spelled[:_HEAD]}*{digest}"


def of(kind: str, name: str) -> str:
    """Return what the names of somebody's limits and budgets start with.

    >>> of("key", "rag-nightly")
    'key:rag-nightly'
    """
    return f"{kind}:{part(name)}"


def of_value(name: str, value: str) -> str:
    """Return the same for a value of a metadata field.

    >>> of_value("team", "search")
    'metadata.team=search'
    """
    return f"{of_field(name)}{part(value)}"


def of_field(name: str) -> str:
    """Return what that starts with, whatever the value."""
    return f"metadata.{part(name)}="


def is_keys_own(name: str) -> bool:
    """Say whether a limit or a budget is that of one key, whatever else a request touches.

    >>> is_keys_own("key:rag-nightly:requests/minute"), is_keys_own("user:key:requests/minute")
    (True, False)
    """
    return name.startswith("key:")
