"""From a transcription's JSON to the form that OpenAI's wire wants: the one body there that is not JSON.

The body has `file` as a `data:` URL in Base64, or as chat completions have files: `{"filename", "file_data"}`. All its
other fields become fields of the form, lists as `name[]`, objects as `name[key]`.

Sources: OpenAI's OpenAPI document, component `CreateTranscriptionRequest`; its SDK openai 3.57 for lists and objects;
RFC 7578, and WHATWG's "multipart/form-data" for names.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.failures import Failure
from ...schemas.request import Request
from ..http import HttpCall
from ..target import Target
from .body import overridden
from .chat import FileData
from .chat_parts import inline
from .unmet import Unmet

#: Formats in which the answer is JSON; a reply's body is always that.
_FORMATS: Final = frozenset({b'"json"', b'"verbose_json"', b'"diarized_json"', b"null", b""})
#: A file name tells OpenAI what a sound is; where there is none, its type does.
_ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "audio/flac": "flac",
        "audio/x-flac": "flac",
        "audio/mpeg": "mp3",
        "audio/mp3": "mp3",
        "audio/mp4": "m4a",
        "audio/m4a": "m4a",
        "audio/x-m4a": "m4a",
        "video/mp4": "mp4",
        "audio/ogg": "ogg",
        "audio/wav": "wav",
        "audio/x-wav": "wav",
        "audio/wave": "wav",
        "audio/webm": "webm",
        "video/webm": "webm",
    }
)
_FILE: Final = msgspec.json.Decoder(str | FileData)
_str: Final = msgspec.json.Decoder(str)
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list: Final = msgspec.json.Decoder(list[msgspec.Raw])
_EXPECTED: Final = "sound as a data: URL in Base64, such as data:audio/mpeg;base64,…"


def encode_transcription(url: str, request: Request, target: Target) -> HttpCall | Failure:
    """Make the call: the same request always makes the same bytes."""
    unmet = Unmet(target)
    fields = overridden(request, target)
    fields.pop("stream", None)
    if bytes(fields.get("response_format", b"")) not in _FORMATS:
        unmet.wrong("response_format", "json, verbose_json and diarized_json: a reply's body is JSON")
    sound = _sound(fields.pop("file", msgspec.Raw(b"null")), unmet)
    fields["model"] = msgspec.Raw(msgspec.json.encode(target.upstream_model))
    refused = unmet.failure()
    if refused is not None:
        return refused
    boundary = f"headgate-{blake2b(request.body, digest_size=16).hexdigest()}"
    body = _form(fields, sound, boundary.encode())
    headers = (("Content-Type", f"multipart/form-data; boundary={boundary}"),)
    return HttpCall(url, headers, body, tuple(unmet.notes))


class _Sound(msgspec.Struct, frozen=True):
    name: str
    media_type: str
    content: bytes


_SILENCE: Final = _Sound("", "", b"")


def _sound(file: msgspec.Raw, unmet: Unmet) -> _Sound:
    """Read the sound; where there is none, that is refused."""
    try:
        given = _FILE.decode(file)
    except msgspec.DecodeError:
        given = ""
    url, name = (given, None) if isinstance(given, str) else (given.file_data or "", given.filename)
    found = inline(url)
    content = b"" if found is None else _bytes(found.base64)
    if found is None or not content:
        unmet.wrong("file", _EXPECTED)
        return _SILENCE
    ending = _ENDINGS.get(found.media_type)
    if name is None and ending is None:
        unmet.wrong("file", f"a filename, or one of {', '.join(_ENDINGS)}")
    return _Sound(name or f"sound.{ending}", found.media_type, content)


def _bytes(base64: str) -> bytes:
    """Return what is said in Base64, nothing for what is none."""
    try:
        return b64decode(base64, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _form(fields: Mapping[str, msgspec.Raw], sound: _Sound, boundary: bytes) -> bytes:
    """Write the form, the file last: RFC 7578, 4.1 and 4.2."""
    parts = [
        b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (_quoted(name), text) for name, text in _texts(fields)
    ]
    head = b'Content-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: %b\r\n\r\n'
    parts.append(head % (_quoted(sound.name), _quoted(sound.media_type)) + sound.content)
    written = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return written + b"--%b--\r\n" % boundary


def _texts(fields: Mapping[str, msgspec.Raw]) -> Iterator[tuple[str, bytes]]:
    """Yield the form's fields: texts as they are, all else as JSON, lists and objects one by one; null says nothing."""
    for name, raw in fields.items():
        if bytes(raw).startswith(b"["):
            yield from ((f"{name}[]", _text(each)) for each in _list.decode(raw))
        elif bytes(raw).startswith(b"{"):
            yield from ((f"{name}[{inner}]", _text(each)) for inner, each in _object.decode(raw).items())
        elif bytes(raw) != b"null":
            yield name, _text(raw)


def _text(raw: msgspec.Raw) -> bytes:
    given = bytes(raw)
    return _str.decode(given).encode(errors="surrogatepass") if given.startswith(b'"') else given


def _quoted(name: str) -> bytes:
    """Return a name as it stands between quotes: nothing in it ends it, or the line."""
    encoded = name.encode(errors="replace")
    return encoded.replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
