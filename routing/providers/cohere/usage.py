"""What Cohere says that was used: as much as it bills, which is less than what its models read and wrote.

Source: its SDK cohere 7.3 (`Usage`, `ApiMeta`): `billed_units` are what is billed, `tokens` have those in them that
Cohere adds itself. Counts are numbers with a decimal point there.
"""

import msgspec

from ....schemas.reply import Tokens
from ..rerank_body import Amount


class Billed(msgspec.Struct, gc=False):
    """What is billed."""

    input_tokens: Amount | None = None
    output_tokens: Amount | None = None
    search_units: Amount | None = None


class Counted(msgspec.Struct, gc=False):
    """What the model read and wrote."""

    input_tokens: Amount | None = None
    output_tokens: Amount | None = None


class Meta(msgspec.Struct, gc=False):
    """`usage` of a chat, `meta` of all else."""

    billed_units: Billed | None = None
    tokens: Counted | None = None
    cached_tokens: Amount | None = None


def tokens_of(meta: Meta | None) -> Tokens | None:
    """Return what is billed; what was counted, where nothing is said to be billed; None where nothing is said."""
    if meta is None:
        return None
    billed = meta.billed_units
    if billed is not None and billed.search_units is not None:
        return Tokens(units=round(billed.search_units))
    said = billed if billed is not None and billed.input_tokens is not None else meta.tokens
    if said is None or said.input_tokens is None:
        return None
    spent = round(said.input_tokens)
    return Tokens(input=spent, cached=min(round(meta.cached_tokens or 0), spent), output=round(said.output_tokens or 0))
