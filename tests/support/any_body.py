"""Bodies of any shape that the three endpoints take, and what a provider would see in them."""

import json
from typing import NamedTuple

from hypothesis import strategies as st

from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane


class Sent(NamedTuple):
    request: Request
    #: Every text that the model is shown.
    texts: tuple[str, ...]
    pieces: int


#: Texts that take many tokens per byte, or many bytes of JSON per byte, beside all others.
NASTY = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=60),
    st.text('\x00\x01\x1f"\\\n\t/', max_size=60),
    st.text("~!@#$%^&*0123456789aZ \u00e9\u4f60\U0001f9ff\u0300", max_size=120),
    st.sampled_from(["", "a", "<|endoftext|>", "ﷺ" * 5, "\U0001f469\u200d\U0001f4bb" * 4]),
)
LIMITS = st.none() | st.integers(1, 5_000)
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string", "maxLength": 40}}, "required": ["answer"]}
TOOL = {"name": "look_up", "description": "Look it up.", "parameters": SCHEMA}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def request_of(endpoint, body, *, ascii_only=True, key="k", max_output=None):
    value = json.dumps(body, ensure_ascii=ascii_only).encode()
    return Request("id", endpoint, body["model"], value, key, Lane.STANDARD, "r", 10**12, 0, max_output=max_output)


def _given(**fields):
    return {name: value for name, value in fields.items() if value is not None}


@st.composite
def contents(draw, prefix=""):
    """Return a content, and its texts."""
    if draw(st.booleans()):
        text = draw(NASTY)
        return text, (text,)
    texts = draw(st.lists(NASTY, max_size=3))
    parts = [{"type": f"{prefix}text", "text": text} for text in texts]
    for _ in range(draw(st.integers(0, 2))):
        url = PIXEL if prefix else {"url": PIXEL}
        parts.append({"type": f"{prefix}image" if prefix else "image_url", "image_url": url})
    return parts, tuple(texts)


@st.composite
def chats(draw):
    messages, texts = [], []
    for _ in range(draw(st.integers(1, 4))):
        content, said = draw(contents())
        messages.append({"role": draw(st.sampled_from(["user", "system", "assistant"])), "content": content})
        texts += said
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    body = _given(
        model="gpt-4o-mini",
        messages=messages,
        max_tokens=draw(LIMITS),
        max_completion_tokens=draw(LIMITS),
        n=draw(st.none() | st.integers(1, 3)),
        tools=draw(st.none() | st.just([{"type": "function", "function": TOOL}])),
        response_format=draw(st.none() | st.just(form)),
        reasoning_effort=draw(st.none() | st.just("high")),
    )
    return Sent(request_of(Endpoint.CHAT, body, ascii_only=draw(st.booleans())), tuple(texts), len(messages))


@st.composite
def responses(draw):
    items, texts = [], []
    for _ in range(draw(st.integers(1, 4))):
        content, said = draw(contents("input_"))
        items.append({"type": "message", "role": "user", "content": content})
        texts += said
    alone = draw(st.none() | NASTY.filter(bool))
    body = _given(
        model="gpt-4o-mini",
        input=items if alone is None else alone,
        instructions=draw(st.none() | NASTY),
        max_output_tokens=draw(st.none() | st.integers(16, 5_000)),
        tools=draw(st.none() | st.just([{"type": "function", **TOOL}])),
        reasoning=draw(st.none() | st.just({"effort": "low"})),
    )
    shown = texts if alone is None else [alone]
    sent = request_of(Endpoint.RESPONSES, body, ascii_only=draw(st.booleans()))
    return Sent(sent, (*shown, body.get("instructions", "")), len(items) if alone is None else 1)


@st.composite
def embeddings(draw):
    ids = st.lists(st.integers(0, 200_000), min_size=1, max_size=20)
    given = draw(NASTY.filter(bool) | st.lists(NASTY.filter(bool), min_size=1) | ids | st.lists(ids, min_size=1))
    inputs = [given] if isinstance(given, str) else given
    texts = tuple(each for each in inputs if isinstance(each, str))
    body = {"model": "text-embedding-3-small", "input": given}
    return Sent(request_of(Endpoint.EMBEDDINGS, body, ascii_only=draw(st.booleans())), texts, len(inputs))


def any_sent():
    return chats() | responses() | embeddings()
