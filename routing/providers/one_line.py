"""JSON on one line: replies are JSON lines."""

import msgspec


def one_line(body: bytes) -> bytes:
    """Return JSON without the whitespace around it, nor, if it has several lines, between its tokens."""
    body = body.strip()
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body
