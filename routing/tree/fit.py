"""Which deployments a request fits: by the tags that it asks for, by what it needs them to do, and by its length."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from ...schemas.config_routes import Capability
from ...schemas.request import Endpoint, Request
from ..tokens.weigh import weigh
from .node import Traits

#: Texts of this many bytes per token, and less, cannot be told from longer ones without looking at them: a word is at
#: least a letter and a space.
_BYTES_PER_WORD: Final = 2
#: Fields by which a body allows that its input is cut to fit.
_CUTS: Final = (b'"truncation"', b'"transforms"')
_NOTHING: Final = frozenset({b"", b"null", b"[]", b"{}", b'"none"'})


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """The tags that a request asks for in its metadata."""

    tags: frozenset[str]
    but_not: frozenset[str]
    every: bool

    def fits(self, tags: frozenset[str]) -> bool:
        """Say whether a deployment's tags are what is asked for."""
        if not self.but_not.isdisjoint(tags):
            return False
        return self.tags <= tags if self.every or not self.tags else not self.tags.isdisjoint(tags)


def wanted(metadata: Mapping[str, str]) -> Wanted | None:
    """Read `tags` ("eu,fast,!slow") and `tags_match` (any, or all); None if nothing is asked for."""
    words = {word.strip() for word in metadata.get("tags", "").split(",")} - {"", "!"}
    if not words:
        return None
    but_not = {word for word in words if word.startswith("!")}
    without = frozenset(word[1:].strip() for word in but_not)
    return Wanted(frozenset(words - but_not), without, metadata.get("tags_match", "any").strip() == "all")


def fits_tags(traits: Traits, asked: Wanted | None) -> bool:
    """Say whether a deployment serves a request that asks for these tags, or for none."""
    return traits.plain if asked is None else asked.fits(traits.tags)


class _Format(msgspec.Struct, gc=False):
    type: str | None = None


class _Text(msgspec.Struct, gc=False):
    format: _Format | None = None


class _Asked(msgspec.Struct, gc=False):
    """What a body asks of its model, on either wire."""

    tools: msgspec.Raw = msgspec.Raw()
    functions: msgspec.Raw = msgspec.Raw()
    response_format: _Format | None = None
    text: _Text | None = None
    reasoning_effort: msgspec.Raw = msgspec.Raw()
    reasoning: msgspec.Raw = msgspec.Raw()


_asked: Final = msgspec.json.Decoder(_Asked)


def needs(request: Request, lacking: Collection[Capability]) -> frozenset[Capability]:
    """Return which of these capabilities a request needs; what cannot be read needs nothing that we know of."""
    try:
        asked = _asked.decode(request.body)
    except (msgspec.DecodeError, RecursionError):
        return frozenset()
    found: set[Capability] = set()
    if "tools" in lacking and not {bytes(asked.tools), bytes(asked.functions)} <= _NOTHING:
        found.add("tools")
    if "json_schema" in lacking and _format(asked) == "json_schema":
        found.add("json_schema")
    if "reasoning" in lacking and not {bytes(asked.reasoning_effort), bytes(asked.reasoning)} <= _NOTHING:
        found.add("reasoning")
    if "vision" in lacking and b"image" in request.body and weigh(request).images:
        found.add("vision")
    return frozenset(found)


def _format(asked: _Asked) -> str | None:
    said = asked.response_format or (asked.text.format if asked.text is not None else None)
    return None if said is None else said.type


def least_input(request: Request, smallest: int | None) -> int:
    """Return how many input tokens a request has at the very least; 0 where that is surely within `smallest`.

    No vocabulary in use has a token for more than one word, a token for each is the least. Text without spaces has few
    words, and images have none, so that this is often far too little: then the provider says so. Inputs of an embedding
    are separate; and a body that allows its input to be cut is never too long.
    """
    if smallest is None or len(request.body) // _BYTES_PER_WORD <= smallest:
        return 0
    if any(cut in request.body for cut in _CUTS):
        return 0
    words = (len(text.split()) for text in weigh(request).texts)
    return max(words, default=0) if request.endpoint is Endpoint.EMBEDDINGS else sum(words)
