"""The table of provider errors, `errors.toml`, as an index: what a word means where it stands.

The file says how its rows are read and which goes before which; here that becomes look-ups.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, cast, get_args

import msgspec

from ...schemas.failures import Code

#: How an answer ended: OpenAI's words, and `continue`, for which it has none: the turn is not over, and goes on when it
#: is sent back.
Finish = Literal["stop", "length", "tool_calls", "content_filter", "continue"]
_FINISHES: Final[Mapping[str, Finish]] = {each: each for each in cast("tuple[Finish, ...]", get_args(Finish))}


class Where(enum.StrEnum):
    """Where a word of an error stands, the most telling places first."""

    #: The name of the quota that is violated; a part of it is enough.
    QUOTA_ID = "quota_id"
    #: A detail of the error: Google's ErrorInfo, Azure's innererror, Anthropic's details, OpenRouter's limit_source.
    REASON = "reason"
    CODE = "code"
    TYPE = "type"
    STATUS = "status"
    #: Prose; a part of it is enough.
    MESSAGE = "message"
    #: The HTTP status itself.
    HTTP = "http"


class Ending(enum.StrEnum):
    """Where it stands how an answer ended."""

    #: A finish or stop reason.
    REASON = "reason"
    #: Why a prompt was not answered at all.
    BLOCK = "block"
    #: The status of a Response.
    RESPONSE = "response"


class Retry(enum.StrEnum):
    """What a row knows better than the catalogue of failures."""

    NEVER = "never"
    #: If the answer says after how long.
    IF_TOLD = "if_told"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some words mean."""

    means: Code
    where: tuple[Where, ...]
    source: str
    said: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    http: tuple[int | Literal["4xx", "5xx"], ...] = ()
    vague: bool = False
    retry: Retry | None = None
    note: str = ""
    #: Of `said`, what stands here from memory.
    unseen: tuple[str, ...] = ()


class EndedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer ended that says so."""

    #: A `Finish` or a code of failure.
    means: str
    said: tuple[str, ...]
    source: str
    where: Ending = Ending.REASON
    at: tuple[str, ...] = ()
    note: str = ""
    unseen: tuple[str, ...] = ()


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    row: tuple[Row, ...]
    ended: tuple[EndedRow, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error is, as one row says."""

    code: Code
    retry: Retry | None = None
    vague: bool = False


#: Provider and wire family.
Scopes = tuple[str, str]
_ANYWHERE: Final = ("",)
_ANY_STATUS: Final = (0,)


@dataclass(frozen=True, slots=True)
class _Phrase:
    part: str
    at: frozenset[str]
    http: frozenset[int | str]
    meaning: Meaning

    def fits(self, text: str, scopes: Scopes, status: int) -> bool:
        return (
            self.part in text
            and (not self.http or status in self.http)
            and (not self.at or not self.at.isdisjoint(scopes))
        )


class ErrorTable:
    """Knows what errors mean. Words are given in lower case."""

    def __init__(self, rows: Rows) -> None:
        self._words: Mapping[tuple[Where, str, str, int | str], Meaning] = dict(_exact(rows.row))
        self._phrases: Mapping[Where, tuple[_Phrase, ...]] = {
            where: tuple(_phrases(rows.row, where)) for where in (Where.QUOTA_ID, Where.MESSAGE)
        }
        self._ended: Mapping[tuple[Ending, str, str], Finish | Code] = dict(_endings(rows.ended))

    def word(self, where: Where, said: str, scopes: Scopes, status: int) -> Meaning | None:
        """Return what a word means where it stands, None if nobody knows."""
        if where in self._phrases:
            return next((each.meaning for each in self._phrases[where] if each.fits(said, scopes, status)), None)
        for scope in (*scopes, ""):
            for http in (status, 0):
                found = self._words.get((where, said, scope, http))
                if found is not None:
                    return found
        return None

    def http(self, status: int, scopes: Scopes) -> Meaning | None:
        """Return what a status means where nothing else is said, None if nobody knows."""
        return self.word(Where.HTTP, "", scopes, status)

    def http_class(self, status: int) -> Meaning | None:
        """Return what a class of statuses means, None if it is not one of errors."""
        return self._words.get((Where.HTTP, "", "", f"{status // 100}xx"))

    def ended(self, where: Ending, said: str, scopes: Scopes) -> Finish | Code | None:
        """Return how an answer ended, None if nobody knows."""
        for scope in (*scopes, ""):
            found = self._ended.get((where, said, scope))
            if found is not None:
                return found
        return None


def _exact(rows: Iterable[Row]) -> Iterator[tuple[tuple[Where, str, str, int | str], Meaning]]:
    for row in rows:
        meaning = Meaning(row.means, row.retry, row.vague)
        for where in row.where:
            for said in row.said or ("",):
                for scope in row.at or _ANYWHERE:
                    for http in row.http or _ANY_STATUS:
                        yield (where, said.lower(), scope, http), meaning


def _phrases(rows: Iterable[Row], where: Where) -> Iterator[_Phrase]:
    for row in rows:
        if where in row.where:
            meaning = Meaning(row.means, row.retry)
            for said in row.said:
                yield _Phrase(said.lower(), frozenset(row.at), frozenset(row.http), meaning)


def _endings(rows: Iterable[EndedRow]) -> Iterator[tuple[tuple[Ending, str, str], Finish | Code]]:
    for row in rows:
        means: Finish | Code = _FINISHES.get(row.means) or Code(row.means)
        for said in row.said:
            for scope in row.at or _ANYWHERE:
                yield (row.where, said.lower(), scope), means


@cache
def error_rows() -> Rows:
    """Read the rows from the package's data."""
    return msgspec.toml.decode(files("headgate.routing.providers").joinpath("errors.toml").read_bytes(), type=Rows)


@cache
def error_table() -> ErrorTable:
    """Return the index of all rows."""
    return ErrorTable(error_rows())
