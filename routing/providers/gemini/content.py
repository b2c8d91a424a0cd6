"""Messages of a chat as Gemini's contents: system texts apart, functions' answers by name, signatures as they came."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from .. import chat
from ..chat_parts import arguments, inline, texts
from ..unmet import Unmet, asks
from .wire import UNSET, Blob, Content, FileData, FunctionCall, FunctionResponse, Part

_DETAILS: Final = frozenset({None, "auto"})
#: What Google documents for calls that another model made ("Thought signatures", questions).
_NO_SIGNATURE: Final = "skip_thought_signature_validator"
#: By the end of an address, where it tells.
_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
}
_SOUNDS: Final = {"wav": "audio/wav", "mp3": "audio/mp3"}
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Conversation(NamedTuple):
    """All messages of a chat."""

    system: list[Part]
    contents: list[Content]


def conversation(messages: Sequence[chat.Message], unmet: Unmet, *, signed: bool) -> Conversation:
    """Sort messages into what is said first of all and the rest; `signed`: calls have to have a signature."""
    system: list[Part] = []
    contents: list[Content] = []
    names: dict[str, str] = {}
    for at, message in enumerate(messages):
        if not isinstance(message, chat.ToolResult) and message.name is not None:
            unmet.cannot("name")
        if isinstance(message, (chat.System, chat.Developer)):
            if contents:
                unmet.put(f"moved the {message.__struct_config__.tag} message {at} before all others")
            system += [Part(text=part.text) for part in _texts(message.content, unmet, "system")]
        elif isinstance(message, chat.ToolResult):
            _add(contents, "user", [_response(message, names, unmet)])
        elif isinstance(message, chat.User):
            _add(contents, "user", list(_said(message.content, unmet)))
        else:
            _add(contents, "model", list(_answered(message, unmet, signed=signed)))
            names.update((call.id, call.function.name) for call in message.tool_calls or ())
    return Conversation(system, contents)


def _add(contents: list[Content], role: Literal["user", "model"], parts: list[Part]) -> None:
    """Add parts, to the last content if it is the same side's: the answers to all calls of a turn are one."""
    if contents and contents[-1].role == role:
        contents[-1].parts.extend(parts)
    elif parts:
        contents.append(Content(role, parts))


def _texts(content: chat.Content, unmet: Unmet, where: str) -> list[chat.Text]:
    found = texts(content, unmet, where)
    for part in found:
        _not_cached(part, unmet)
    return found


def _not_cached(part: chat.Text | chat.Image | chat.File | chat.Audio, unmet: Unmet) -> None:
    for name in ("cache_control", "prompt_cache_breakpoint"):
        if asks(name, getattr(part, name, None)):
            unmet.cannot(name)


def _said(content: chat.Content, unmet: Unmet) -> Iterator[Part]:
    if content is None or isinstance(content, str):
        if content:
            yield Part(text=content)
        return
    for each in content:
        part = _part(each, unmet)
        if part is not None:
            yield part


def _part(part: chat.Part, unmet: Unmet) -> Part | None:
    if isinstance(part, chat.Refusal):
        return Part(text=part.refusal) if part.refusal else None
    _not_cached(part, unmet)
    if isinstance(part, chat.Text):
        return Part(text=part.text) if part.text else None
    if isinstance(part, chat.Image):
        return _image(part, unmet)
    return _sound(part, unmet) if isinstance(part, chat.Audio) else _file(part, unmet)


def _image(part: chat.Image, unmet: Unmet) -> Part | None:
    if part.image_url.detail not in _DETAILS:
        unmet.cannot("detail", "auto")
    url = part.image_url.url
    found = inline(url)
    if found is not None and found.media_type.startswith("image/"):
        return Part(inline_data=Blob(found.media_type, found.base64))
    if found is None and url.startswith(("http://", "https://", "gs://")):
        ending = url.partition("?")[0].rpartition(".")[2].lower()
        return Part(file_data=FileData(url, _TYPES.get(ending, UNSET)))
    unmet.cannot("image_url", "images in Base64, or an address")
    return None


def _sound(part: chat.Audio, unmet: Unmet) -> Part | None:
    mime_type = _SOUNDS.get(part.input_audio.format)
    if mime_type is None:
        unmet.cannot("input_audio", "wav and mp3")
        return None
    return Part(inline_data=Blob(mime_type, part.input_audio.data))


def _file(part: chat.File, unmet: Unmet) -> Part | None:
    found = inline(part.file.file_data or "")
    if found is None:
        unmet.cannot("file", "a data: URL in Base64")
        return None
    return Part(inline_data=Blob(found.media_type, found.base64))


def _response(message: chat.ToolResult, names: dict[str, str], unmet: Unmet) -> Part:
    name = names.get(message.tool_call_id)
    if name is None:
        unmet.wrong("tool_call_id", "the id of a call that an earlier message makes")
    text = "".join(part.text for part in _texts(message.content, unmet, "tool"))
    return Part(function_response=FunctionResponse(name or "", _as_object(text)))


def _as_object(text: str) -> msgspec.Raw | dict[str, str]:
    """Return a JSON object as it is, and all else as Google's `output`."""
    if text.lstrip()[:1] == "{":
        raw = text.encode()
        try:
            _object.decode(raw)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        else:
            return msgspec.Raw(raw)
    return {"output": text}


def _answered(message: chat.Assistant, unmet: Unmet, *, signed: bool) -> Iterator[Part]:
    """Return what the model said before. Of calls that are made together only the first has a signature."""
    for name in ("audio", "function_call"):
        if asks(name, getattr(message, name)):
            unmet.cannot(name)
    parts = list(_said(message.content, unmet))
    if message.refusal:
        parts.append(Part(text=message.refusal))
    signature = _signature(message.extra_content)
    if signature:
        last = parts.pop() if parts else Part(text="")
        parts.append(msgspec.structs.replace(last, thought_signature=signature))
    yield from parts
    for at, call in enumerate(message.tool_calls or ()):
        own = _signature(call.extra_content) or (_NO_SIGNATURE if signed and at == 0 else UNSET)
        args = arguments(call.function.arguments, unmet)
        yield Part(function_call=FunctionCall(call.function.name, args), thought_signature=own)


def _signature(extra: chat.Extra | None) -> str | None:
    return None if extra is None or extra.google is None else extra.google.thought_signature
