"""The question behind `headgate prices diff --ledger`: what was booked, in a form that can be priced again."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..schemas.reply import Tokens
from .cost import EVER
from .reader import Reader
from .sql import query


@dataclass(frozen=True, slots=True)
class Booked:
    """Attempts that have everything in common that a price goes by."""

    deployment: str
    provider: str
    upstream_model: str
    price_version: str
    #: The service tier that was asked for, and the one that served; None: nobody said.
    asked: str | None
    served: str | None
    tokens: Tokens
    #: That each of them was made of.
    calls: int
    #: Whether they were booked as not billed, whatever a price says.
    free: bool
    attempts: int
    #: Of all of them, nano-dollars.
    cost_nano: int


def booked(reader: Reader, since_us: int | None = None, until_us: int | None = None) -> Iterator[Booked]:
    """Yield what was booked since a time (included) until another (excluded), unix microseconds."""
    window = {
        "since": EVER[0] if since_us is None else since_us,
        "until": EVER[1] if until_us is None else until_us,
    }
    for row in reader.rows(query("priced"), window):
        deployment, provider, model, version, asked, served, *counts, calls, free, attempts, cost_nano = row
        yield Booked(
            deployment, provider, model, version, asked, served, Tokens(*counts), calls, free, attempts, cost_nano
        )
