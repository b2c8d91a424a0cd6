"""Messages of a chat as Cohere's: nearly as they are; what it is to be told again stands in `extra_content`."""

from collections.abc import Iterator, Sequence
from typing import Final

from .. import chat
from ..chat_parts import arguments, texts
from ..unmet import Unmet, asks
from .wire import UNSET, Block, FunctionCall, ImageBlock, ImageUrl, Message, TextBlock, ThinkingBlock, ToolCall

_MARKS: Final = ("cache_control", "prompt_cache_breakpoint")


def conversation(messages: Sequence[chat.Message], unmet: Unmet) -> list[Message]:
    """Return the messages that say something."""
    said: list[Message] = []
    for message in messages:
        if not isinstance(message, chat.ToolResult) and message.name is not None:
            unmet.cannot("name")
        said += _message(message, unmet)
    return said


def _message(message: chat.Message, unmet: Unmet) -> Iterator[Message]:
    if isinstance(message, (chat.System, chat.Developer)):
        blocks = _texts(message.content, unmet, "system")
        if blocks:
            yield Message(role="system", content=_content(blocks))
    elif isinstance(message, chat.ToolResult):
        blocks = _texts(message.content, unmet, "tool")
        yield Message(role="tool", tool_call_id=message.tool_call_id, content=_content(blocks))
    elif isinstance(message, chat.User):
        blocks = list(_said(message.content, unmet))
        if blocks:
            yield Message(role="user", content=_content(blocks))
    else:
        yield from _answered(message, unmet)


def _content(blocks: list[Block]) -> str | list[Block]:
    """Return a text alone as a text."""
    if not blocks:
        return ""
    return blocks[0].text if len(blocks) == 1 and isinstance(blocks[0], TextBlock) else blocks


def _texts(content: chat.Content, unmet: Unmet, where: str) -> list[Block]:
    found = texts(content, unmet, where)
    for part in found:
        _not_cached(part, unmet)
    return [TextBlock(part.text) for part in found]


def _not_cached(part: chat.Text | chat.Image, unmet: Unmet) -> None:
    for name in _MARKS:
        if asks(name, getattr(part, name)):
            unmet.cannot(name)


def _said(content: chat.Content, unmet: Unmet) -> Iterator[Block]:
    if content is None or isinstance(content, str):
        if content:
            yield TextBlock(content)
        return
    for part in content:
        if isinstance(part, chat.Refusal):
            text = part.refusal
        elif isinstance(part, chat.Text):
            _not_cached(part, unmet)
            text = part.text
        else:
            yield from _media(part, unmet)
            continue
        if text:
            yield TextBlock(text)


def _media(part: chat.Image | chat.Audio | chat.File, unmet: Unmet) -> Iterator[Block]:
    if isinstance(part, chat.Image):
        _not_cached(part, unmet)
        yield ImageBlock(ImageUrl(part.image_url.url, part.image_url.detail or UNSET))
    else:
        unmet.cannot("input_audio" if isinstance(part, chat.Audio) else "file")


def _answered(message: chat.Assistant, unmet: Unmet) -> Iterator[Message]:
    """Return what the model said before, its thoughts and plans as they came."""
    for name in ("audio", "function_call"):
        if asks(name, getattr(message, name)):
            unmet.cannot(name)
    extra = (message.extra_content.cohere if message.extra_content else None) or chat.ForCohere()
    blocks: list[Block] = [ThinkingBlock(extra.thinking)] if extra.thinking else []
    blocks += _said(message.content, unmet)
    if message.refusal:
        blocks.append(TextBlock(message.refusal))
    calls = [ToolCall(call.id, _call(call, unmet)) for call in message.tool_calls or ()]
    if blocks or calls:
        yield Message(
            role="assistant",
            content=_content(blocks) or UNSET,
            tool_calls=calls or UNSET,
            tool_plan=extra.tool_plan or UNSET,
            citations=extra.citations if asks("", extra.citations) else UNSET,
        )


def _call(call: chat.Call, unmet: Unmet) -> FunctionCall:
    return FunctionCall(call.function.name, bytes(arguments(call.function.arguments, unmet)).decode())
