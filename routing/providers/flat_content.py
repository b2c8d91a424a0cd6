"""Messages whose content is a list of texts, for providers that take one text only."""

from typing import Final

import msgspec


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


_messages: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_parts: Final = msgspec.json.Decoder(list[_Part])
_encoder: Final = msgspec.json.Encoder()


def flat(fields: dict[str, msgspec.Raw]) -> bool:
    """Join the texts of each message, a line each; say whether there is nothing but text."""
    if "messages" not in fields:
        return True
    try:
        messages = _messages.decode(fields["messages"])
        for message in messages:
            if bytes(message.get("content", msgspec.Raw())).startswith(b"["):
                message["content"] = _text(message["content"])
    except (msgspec.DecodeError, ValueError):  # a part without a text, or messages of a strange shape
        return False
    fields["messages"] = msgspec.Raw(_encoder.encode(messages))
    return True


def _text(content: msgspec.Raw) -> msgspec.Raw:
    parts = _parts.decode(content)
    texts = [part.text for part in parts if part.type == "text" and part.text is not None]
    if len(texts) < len(parts):
        raise ValueError("a part that is no text")
    return msgspec.Raw(_encoder.encode("\n".join(texts)))
