"""The accounts with providers that a source uses, each with a name of its own: what stands under `providers`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ..providers.catalogue import Row, id_of

_UNFIT: Final = re.compile(r"[^a-z0-9.]+")
_HOLE: Final = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True, slots=True)
class Account:
    """Who is called, and with what."""

    #: The id of its row in the catalogue; None: somebody else.
    row: str | None
    #: What stands in the config: base_url, api_key, options and so on.
    entry: Mapping[str, object]
    #: Words that tell it from others with the same provider, the best first.
    hints: Sequence[str] = ()


class Accounts:
    """Gives each account a name: that of its row where it is free."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self._rows: Final = rows
        self._names: dict[str, str] = {}
        self._accounts: dict[str, Account] = {}

    def __repr__(self) -> str:
        return f"<Accounts {', '.join(self._accounts)}>"

    def name_of(self, account: Account, wanted: str | None = None) -> str:
        """Return the name of an account; a new one gets the name that is `wanted`, if nobody has it."""
        identity = json.dumps([account.row, account.entry], sort_keys=True, default=str)
        if identity not in self._names:
            name = next(each for each in self._candidates(account, wanted) if each not in self._accounts)
            self._names[identity] = name
            self._accounts[name] = account
        return self._names[identity]

    def _candidates(self, account: Account, wanted: str | None) -> Sequence[str]:
        hints = [hint for hint in map(slug, account.hints) if hint]
        base = account.row or (hints[0] if hints else "provider")
        own = [] if account.row and "base_url" in account.entry else [base]
        # a name of the catalogue is for whom the catalogue means by it
        free = [name for name in hints if id_of(name, self._rows) is None] if account.row is None else []
        more = [hint if hint.startswith(f"{base}-") else f"{base}-{hint}" for hint in hints if hint != base]
        numbered = [f"{base}-{nr}" for nr in range(2, len(self._accounts) + 3)]
        named = [] if not wanted else [wanted]
        return [*named, *(own if account.row else free), *more, *numbered]

    def rows_of(self, row: str) -> Sequence[str]:
        """Return the names of all accounts with one provider."""
        return [name for name, account in self._accounts.items() if account.row == row]

    def document(self, common: Mapping[str, object], extra: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        """Return what stands under `providers`; `common` is of all of them, `extra` of some by name."""
        return {
            name: {**self._likeness(name, account), **account.entry, **common, **extra.get(name, {})}
            for name, account in self._accounts.items()
        }

    def _likeness(self, name: str, account: Account) -> Mapping[str, object]:
        if account.row is None:
            return {"wire": "openai"} if id_of(name, self._rows) is not None else {}
        return {} if name == account.row else {"like": account.row}


def slug(text: str) -> str:
    """Return a text as a provider's name is spelt.

    >>> slug("My Resource (EU)")
    'my-resource-eu'
    """
    return _UNFIT.sub("-", text.lower()).strip("-.")


def row_called(name: str, source: str, rows: Mapping[str, Row]) -> str | None:
    """Return the id of the row that `source` calls by a name: its id, an alias, or what its origin says."""
    found = id_of(name, rows)
    if found is not None:
        return found
    token = f"{source}:{name}"
    return next((id_ for id_, row in rows.items() if token in row.source.split("; ")), None)


def is_host_of(row: Row, url: str) -> Mapping[str, str] | None:
    """Return the options that a URL says, if it leads to the row's own host; None if it leads elsewhere."""
    host, template = urlsplit(url).netloc, urlsplit(row.base_url).netloc
    pattern = _HOLE.sub(r"(?P<\1>[A-Za-z0-9][A-Za-z0-9._-]*)", re.escape(template))
    match = re.fullmatch(pattern, host)
    if match is None or (template.startswith("{") and template.endswith("}") and not row.hosts):
        return None
    if row.hosts and not any(re.fullmatch(each.replace(".", r"\.").replace("*", ".+"), host) for each in row.hosts):
        return None
    return match.groupdict()
