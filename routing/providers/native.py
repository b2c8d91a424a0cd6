"""What all families that are not OpenAI's do around their translation; no bytes raise."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Setback
from ..target import Target
from .body import overridden
from .chat import ChatBody
from .errors import malformed, setback
from .family import url_of
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
        return url_of(request, target, paths, quote(target.upstream_model, safe=""))
    served = ", ".join(sorted(paths))
    return failure(
        Code.UNSUPPORTED_ENDPOINT, expected=f"an endpoint of {target.wire}: {served}", given=request.endpoint
    )


def called(
    url: str,
    request: Request,
    target: Target,
    make: Callable[[ChatBody, Unmet], bytes | Failure],
    headers: Headers = JSON,
) -> HttpCall | Failure:
    """Make the call whose body `make` puts into the provider's words."""
    unmet = Unmet(target)
    chat = read_chat(request, target, unmet)
    if isinstance(chat, Failure):
        return chat
    body = make(chat, unmet)
    if isinstance(body, Failure):
        return body
    return unmet.failure() or HttpCall(url, headers, body, tuple(unmet.notes))


def read_chat(request: Request, target: Target, unmet: Unmet) -> ChatBody | Failure:
    """Read a chat body as the target's overrides make it."""
    try:
        if not target.params:
            return _chat.decode(request.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass  # the slow way says which fields are to blame
    try:
        fields = overridden(request, target)
        for name in sorted(fields.keys() - _KNOWN):
            unmet.cannot(name)
            del fields[name]
        return unmet.failure() or _chat.decode(_encoder.encode(fields))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return failure(
            Code.UNSUPPORTED_PARAMETER, expected=f"a chat body that {target.wire} has words for", given=error
        )


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
