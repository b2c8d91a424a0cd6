"""What an answer says went wrong, whatever shape its provider gives that.

Shapes, each with its source:

- OpenAI and most: `{"error": {"message", "type", "param", "code"}}`; Azure adds `innererror.code` (their references).
- Anthropic: `{"type": "error", "error": {"type", "message", "details": {"error_code"}}, "request_id"}` (its SDK 2.12).
- Google: `{"error": {"code", "message", "status", "details": [...]}}`, sometimes in a list of one (google-genai,
  errors.py); its older APIs: `{"error": {"errors": [{"reason"}]}}`.
- AWS: `{"message"}` or `{"Message"}` with the type in the header `x-amzn-errortype`, or in `__type` (botocore 1.44.5).
- Mistral: `{"object": "error", "message", "type", "code"}`, not nested. Cohere: `{"message"}`.
- TGI: `{"error": "...", "error_type"}`. xAI: as OpenAI, or `{"code", "error": "..."}`, or `{"error": "..."}`.
- Voyage and FastAPI: `{"detail": "..."}` or a list of objects with `msg`.
- OpenRouter: as OpenAI, but `code` is an HTTP status, `metadata.limit_source` tells whose limit it is, and the whole
  may come in HTTP 200, also inside `choices`.
- MiniMax: `{"base_resp": {"status_code", "status_msg"}}` in HTTP 200. Cloudflare: `{"errors": [{"code", "message"}]}`.
- Proxies: a page, which says no more than its status.

No bytes raise: what is not understood says nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import msgspec

from ..http import HttpReply
from .error_table import Where
from .one_line import one_line

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_MESSAGES: Final = ("message", "Message", "msg", "error", "detail", "status_msg", "error_message", "title")
_CODES: Final = ("code", "error_code", "status_code")
_TYPES: Final = ("type", "error_type", "__type")
#: A message is an object at one provider, which has a list inside.
_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says went wrong."""

    #: The HTTP status; if that is no error's, the one that the body tells.
    status: int
    #: The most telling first, in lower case.
    words: tuple[tuple[Where, str], ...] = ()
    message: str = ""
    #: True if the body says that there is an error; a status may say so alone.
    is_error: bool = False
    #: The answer's JSON on one line, None if it is none.
    body: bytes | None = None


def said_by(reply: HttpReply) -> Said:
    """Read an answer that is none."""
    header = reply.headers.get("x-amzn-errortype")
    try:
        reply.body.decode()
        value: object = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):  # UnicodeDecodeError and msgspec.DecodeError are ValueErrors
        return Said(reply.status, tuple(_aws(header)))
    if not isinstance(value, dict | list):
        return Said(reply.status, tuple(_aws(header)))
    return _said(reply, header, _fields(cast("object", value)))


def _said(reply: HttpReply, header: str | None, top: Mapping[str, object]) -> Said:
    error = _error(top)
    body = one_line(reply.body)
    if error is None and reply.status < 400:
        return Said(reply.status, message=_text(top), body=body)
    inner = _fields(error) or top
    status, code = _code(inner, reply.status)
    words = (*_details(inner), *_word(Where.CODE, code), *_aws(header), *_types(inner))
    return Said(status, words, _text(error) or _text(inner), error is not None, body)


def _error(top: Mapping[str, object]) -> object:
    """Return the error of an answer: an object or a text, None if it says of none."""
    found = top.get("error")
    if found is not None:
        return found
    if top.get("errors"):
        return top["errors"]
    base = _fields(top.get("base_resp"))
    if base.get("status_code"):
        return base
    return next((each["error"] for each in _objects(top.get("choices")) if each.get("error")), None)


def _code(inner: Mapping[str, object], status: int) -> tuple[int, str]:
    """Return the status and the code. A code that is an HTTP status is the answer's, if it has no other of an error."""
    code = next((inner[name] for name in _CODES if isinstance(inner.get(name), str | int)), "")
    text = str(code)
    if not (len(text) == 3 and text.isdecimal() and "400" <= text <= "599"):
        return status, text
    return (status if status >= 400 else int(text)), ""


def _details(inner: Mapping[str, object]) -> Iterator[tuple[Where, str]]:
    """Return the quotas that are violated, together, so that the one which lasts longest is seen; and reasons."""
    details = (*_objects(inner.get("details")), *_objects(inner.get("errors")))
    quotas = (each.get("quotaId") for detail in details for each in _objects(detail.get("violations")))
    yield from _word(Where.QUOTA_ID, " ".join(quota for quota in quotas if isinstance(quota, str)))
    for detail in details:
        yield from _word(Where.REASON, detail.get("reason"))
        yield from _word(Where.REASON, detail.get("error_code"))
    yield from _word(Where.REASON, _fields(inner.get("innererror")).get("code"))
    yield from _word(Where.REASON, _fields(inner.get("metadata")).get("limit_source"))


def _types(inner: Mapping[str, object]) -> Iterator[tuple[Where, str]]:
    for name in _TYPES:
        said = inner.get(name)
        if isinstance(said, str) and said != "error":  # Anthropic's word for the whole, not for what went wrong
            yield from _word(Where.TYPE, said.rpartition("#")[2])
    yield from _word(Where.STATUS, inner.get("status"))


def _aws(header: str | None) -> Iterator[tuple[Where, str]]:
    """Return AWS's error type, without the address that follows it."""
    yield from _word(Where.TYPE, None if header is None else header.partition(":")[0].rpartition("#")[2])


def _word(where: Where, said: object) -> Iterator[tuple[Where, str]]:
    if isinstance(said, str) and said:
        yield where, said.lower()


def _text(value: object, depth: int = 0) -> str:
    """Return the message of an error, wherever it stands."""
    if isinstance(value, str):
        return value
    if depth == _DEEPEST:
        return ""
    fields = _fields(value)
    return next(filter(None, (_text(fields[name], depth + 1) for name in _MESSAGES if name in fields)), "")


def _fields(value: object) -> Mapping[str, object]:
    """Return the fields of an object, or of the first in a list."""
    return next(_objects(value), _NOTHING)


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    """Return the objects of a list, or the one that it is."""
    for each in cast("list[object]", value) if isinstance(value, list) else (value,):
        if isinstance(each, dict):
            yield cast("Mapping[str, object]", each)
