"""Messages of a chat as the turns of Anthropic's: system texts apart, roles by turns, results before all else."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from ..chat import Assistant, Content, Developer, File, Image, Message, Part, Refusal, System, Text, ToolResult, User
from ..chat_parts import arguments, inline, texts
from ..unmet import Unmet, asks
from .wire import (
    UNSET,
    Base64Source,
    Block,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    TextSource,
    ToolResultBlock,
    ToolUseBlock,
    Turn,
    UrlSource,
)

_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_EPHEMERAL: Final = msgspec.Raw(b'{"type":"ephemeral"}')
#: What ids of tool calls are made of; Anthropic refuses others, which some providers give.
_ODD: Final = re.compile(r"[^a-zA-Z0-9_-]")
_DETAILS: Final = frozenset({None, "auto"})


class Conversation(NamedTuple):
    """All messages of a chat."""

    system: list[TextBlock]
    turns: list[Turn]


def conversation(messages: Sequence[Message], unmet: Unmet) -> Conversation:
    """Sort messages into what is said first of all and what is said by turns."""
    system: list[TextBlock] = []
    turns: list[Turn] = []
    for at, message in enumerate(messages):
        if isinstance(message, (System, Developer)):
            if turns:
                unmet.put(f"moved the {message.__struct_config__.tag} message {at} before all others")
            system += _text_blocks(message.content, unmet, "system")
        elif isinstance(message, ToolResult):
            _add_result(turns, message, unmet)
        elif isinstance(message, User):
            _add(turns, "user", list(_said(message.content, unmet)))
        else:
            _add(turns, "assistant", list(_answered(message, unmet)))
        if not isinstance(message, ToolResult) and message.name is not None:
            unmet.cannot("name")
    return Conversation(system, turns)


def _add(turns: list[Turn], role: Literal["user", "assistant"], blocks: list[Block]) -> None:
    """Add blocks, to the last turn if it is the same side's; nothing is not a turn."""
    if turns and turns[-1].role == role:
        turns[-1].content.extend(blocks)
    elif blocks:
        turns.append(Turn(role, blocks))


def _add_result(turns: list[Turn], message: ToolResult, unmet: Unmet) -> None:
    """Add what a tool returned: results have to come first in their turn."""
    content = _text_blocks(message.content, unmet, "tool")
    result = ToolResultBlock(_id(message.tool_call_id), content)
    if not turns or turns[-1].role != "user":
        turns.append(Turn("user", [result]))
        return
    blocks = turns[-1].content
    before = sum(isinstance(block, ToolResultBlock) for block in blocks)
    blocks.insert(before, result)


def _text_blocks(content: Content, unmet: Unmet, where: str) -> list[TextBlock]:
    return [TextBlock(part.text, _cached(part)) for part in texts(content, unmet, where)]


def _said(content: Content, unmet: Unmet) -> Iterator[Block]:
    if content is None or isinstance(content, str):
        if content:
            yield TextBlock(content)
        return
    for part in content:
        block = _block(part, unmet)
        if block is not None:
            yield block


def _block(part: Part, unmet: Unmet) -> Block | None:
    if isinstance(part, Text):
        return TextBlock(part.text, _cached(part)) if part.text else None
    if isinstance(part, Image):
        return _image(part, unmet)
    if isinstance(part, File):
        return _document(part, unmet)
    if isinstance(part, Refusal):
        return TextBlock(part.refusal) if part.refusal else None
    unmet.cannot("input_audio")
    return None


def _image(part: Image, unmet: Unmet) -> ImageBlock | None:
    if part.image_url.detail not in _DETAILS:
        unmet.cannot("detail", "auto")
    url = part.image_url.url
    found = inline(url)
    if found is None and url.startswith(("http://", "https://")):
        return ImageBlock(UrlSource(url), _cached(part))
    if found is None or found.media_type not in _IMAGES:
        unmet.cannot("image_url", "PNG, JPEG, GIF and WebP in Base64, or an address")
        return None
    return ImageBlock(Base64Source(found.media_type, found.base64), _cached(part))


def _document(part: File, unmet: Unmet) -> DocumentBlock | None:
    found = inline(part.file.file_data or "")
    title = part.file.filename or UNSET
    if found is not None and found.media_type == "application/pdf":
        return DocumentBlock(Base64Source(found.media_type, found.base64), title, _cached(part))
    text = _plain(found.base64) if found is not None and found.media_type == "text/plain" else None
    if text is None:
        unmet.cannot("file", "PDF and plain text in Base64")
        return None
    return DocumentBlock(TextSource(text), title, _cached(part))


def _plain(base64: str) -> str | None:
    try:
        return b64decode(base64, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _cached(part: Text | Image | File) -> msgspec.Raw | msgspec.UnsetType:
    if asks("cache_control", part.cache_control):
        return part.cache_control
    return _EPHEMERAL if asks("prompt_cache_breakpoint", part.prompt_cache_breakpoint) else UNSET


def _answered(message: Assistant, unmet: Unmet) -> Iterator[Block]:
    """Return what the model said before, its thoughts first, as they came."""
    for name in ("audio", "function_call"):
        if asks(name, getattr(message, name)):
            unmet.cannot(name)
    extra = message.extra_content
    if extra is not None and extra.anthropic is not None:
        yield from extra.anthropic.thinking
    yield from _said(message.content, unmet)
    if message.refusal:
        yield TextBlock(message.refusal)
    for call in message.tool_calls or ():
        yield ToolUseBlock(_id(call.id), call.function.name, arguments(call.function.arguments, unmet))


def _id(given: str) -> str:
    return _ODD.sub("_", given) or "_"
