"""What all families that are not OpenAI's do around their translation; no bytes raise."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Setback
from ..service import MOST_TWINS
from ..target import Target
from .body import overridden
from .chat import ChatBody
from .completion_body import FinishReason
from .errors import Ending, finish, malformed, setback
from .family import url_of
from .fan_out import spread_note
from .unmet import Unmet

T = TypeVar("T")

Headers = tuple[tuple[str, str], ...]
JSON: Final[Headers] = (("Content-Type", "application/json"),)

_chat: Final = msgspec.json.Decoder(ChatBody)
_encoder: Final = msgspec.json.Encoder()
_KNOWN: Final = frozenset(ChatBody.__struct_fields__)


def place(request: Request, target: Target, paths: Mapping[Endpoint, str]) -> str | Failure:
    """Return where a call goes; an endpoint that the family cannot speak is refused also where a row has a path."""
    if request.endpoint in paths:
        return url_of(request, target, paths, _quoted(target.upstream_model))
    served = ", ".join(sorted(paths))
    return failure(
        Code.UNSUPPORTED_ENDPOINT, expected=f"an endpoint of {target.wire}: {served}", given=request.endpoint
    )


@lru_cache(maxsize=1_024)  # it takes a tenth of the whole translation
def _quoted(model: str) -> str:
    return quote(model, safe="")


def called(request: Request, target: Target, make: Callable[[ChatBody, Unmet], HttpCall]) -> HttpCall | Failure:
    """Return the call that `make` puts a chat body into, unless something has no words."""
    unmet = Unmet(target)
    chat = read_chat(request, target, unmet)
    if isinstance(chat, Failure):
        return chat
    if target.service.fan_out_over is None:
        call = make(chat, unmet)
    else:
        chat, twins = _one_of(chat, target, unmet)
        call = msgspec.structs.replace(make(chat, unmet), twins=twins)
    return unmet.failure() or call


def _one_of(chat: ChatBody, target: Target, unmet: Unmet) -> tuple[ChatBody, int]:
    """Return what each of an attempt's equal calls asks for, and how many there are."""
    n = chat.n or 1
    twins = target.service.twins(n)
    if twins == 1 and n <= MOST_TWINS:
        return chat, 1
    if twins == 1:
        unmet.cannot("n", f"1 to {MOST_TWINS}")
    else:
        unmet.put(spread_note(twins))
    return msgspec.structs.replace(chat, n=None), twins


def read_chat(request: Request, target: Target, unmet: Unmet) -> ChatBody | Failure:
    """Read a chat body as the target's overrides make it."""
    return read_body(_chat, _KNOWN, request, target, unmet)


def read_body(
    decoder: "msgspec.json.Decoder[T]", known: frozenset[str], request: Request, target: Target, unmet: Unmet
) -> T | Failure:
    """Read a body as the target's overrides make it; of its fields those that are not `known` cannot be honoured."""
    try:
        if not target.params:
            return decoder.decode(request.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # the slow way says which fields are to blame
    try:
        fields = overridden(request, target)
        for name in sorted(fields.keys() - known):
            unmet.cannot(name)
            del fields[name]
        return decoder.decode(_encoder.encode(fields))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return failure(Code.UNSUPPORTED_PARAMETER, expected=f"a body that {target.wire} has words for", given=error)


def answered(reply: HttpReply, target: Target, decoder: "msgspec.json.Decoder[T]") -> T | Setback:
    """Read an answer; what is none is a setback."""
    if reply.status != 200:
        return setback(reply, target)
    try:
        if not reply.body.isascii():
            reply.body.decode()
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and msgspec.DecodeError are ValueErrors
        return setback(reply, target, malformed(str(error)))


def ended(target: Target, said: str | None, where: Ending = Ending.REASON) -> FinishReason | Failure:
    """Return how an answer ended, in words that OpenAI has; a turn that is to go on is no answer there."""
    how = finish(target, said, where)
    return failure(Code.MODEL_ERROR, given=f"a turn that is not over: {said!r}") if how == "continue" else how
