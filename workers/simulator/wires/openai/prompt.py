"""How many tokens the prompts of OpenAI's wire are."""

from collections.abc import Iterable

from ...tokens import PER_IMAGE, PER_MESSAGE
from ..prompt import raw_tokens, text_tokens
from .bodies import Item, Message, Part


def message_tokens(message: Message) -> int:
    """Return the tokens of one message of a chat."""
    return PER_MESSAGE + content_tokens(message.content) + raw_tokens(message.tool_calls)


def item_tokens(item: Item) -> int:
    """Return the tokens of one item of a response's input."""
    return PER_MESSAGE + content_tokens(item.content) + text_tokens(item.arguments) + content_tokens(item.output)


def content_tokens(content: str | Iterable[Part] | None) -> int:
    """Return the tokens of a message's content."""
    if content is None or isinstance(content, str):
        return text_tokens(content)
    return sum(map(_part, content))


def _part(part: Part) -> int:
    return PER_IMAGE if "image" in part.type else text_tokens(part.text) + text_tokens(part.refusal)
