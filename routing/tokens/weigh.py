"""What a request's body weighs: its texts in bytes, and whatever else becomes tokens."""

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.request import Endpoint, Request
from .shapes import (
    ABSENT,
    Body,
    Chat,
    Content,
    Embeddings,
    Images,
    Item,
    Message,
    Moderations,
    Part,
    Rerank,
    Responses,
    Tool,
    Transcriptions,
)

#: Types of parts that are text alone, and of tools that the caller carries out.
_TEXT: Final = frozenset({None, "text", "input_text", "output_text", "refusal", "reasoning_text", "summary_text"})
#: Characters of Base64 for a second of sound at 8 kbit/s, which is as low as MP3 goes.
_PER_SECOND: Final = 1_333
#: Cohere's reranking cuts documents into chunks, by model of 32,764, 4,093, or at first 512 tokens with the query in
#: them, of which it takes 256 at most; a search unit is up to 100 documents. docs.cohere.com, "Best Practices for using
#: Rerank", of 2023 and of 2026.
_PER_CHUNK: Final = 254
_CHUNKS: Final = 100
_BY_TOKENS_ALONE: Final = frozenset({Endpoint.CHAT, Endpoint.EMBEDDINGS, Endpoint.RESPONSES})
_OWN_TOOLS: Final = frozenset({"function", "custom"})
_REFERENCE: Final = "item_reference"
_NULL: Final = frozenset({b"", b"null"})


class Weight(msgspec.Struct, frozen=True, gc=False):
    """What a body holds that becomes tokens."""

    #: All of it but the media, in bytes: more than the bytes of all its texts.
    size: int
    texts: tuple[str, ...] = ()
    #: Of `texts`, in UTF-8.
    text_bytes: int = 0
    #: JSON that the model is shown: tools, schemas, calls.
    json_bytes: int = 0
    #: Messages, items, or inputs of an embedding.
    pieces: int = 0
    #: Tokens that were sent as numbers.
    ids: int = 0
    images: int = 0
    #: Base64, in characters.
    audio: int = 0
    tools: bool = False
    #: Whether there is input that the body only names, such as a file, or an earlier response.
    hidden: bool = False
    #: The most output tokens per choice, None if there is no limit.
    limit: int | None = None
    choices: int = 1
    #: Predicted output, in bytes.
    predicted: int = 0
    #: What may be counted beside tokens, at most: images, search units, seconds of sound.
    units: int = 0


class _Media(msgspec.Struct, gc=False):
    """What is found in parts, while it is being found."""

    images: int = 0
    audio: int = 0
    #: Bytes of the body that are media.
    size: int = 0
    hidden: bool = False


def weigh(request: Request) -> Weight:
    """Weigh a request. A body of a strange shape counts as one that names input which it does not show."""
    try:
        return _WEIGH[request.endpoint](request.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        size = len(request.body)
        units = 0 if request.endpoint in _BY_TOKENS_ALONE else 1 + size // _PER_CHUNK
        return Weight(size, text_bytes=size, hidden=True, limit=request.max_output or None, units=units)


_chat: Final = msgspec.json.Decoder(Chat)
_embeddings: Final = msgspec.json.Decoder(Embeddings)
_responses: Final = msgspec.json.Decoder(Responses)
_moderations: Final = msgspec.json.Decoder(Moderations)
_images: Final = msgspec.json.Decoder(Images)
_transcriptions: Final = msgspec.json.Decoder(Transcriptions)
_rerank: Final = msgspec.json.Decoder(Rerank)
_tools: Final = msgspec.json.Decoder(list[Tool])


def _weigh_chat(body: bytes) -> Weight:
    chat, media = _chat.decode(body), _Media()
    texts = tuple([text for message in chat.messages for text in _said(message, media)])
    calls = [message.tool_calls for message in chat.messages if message.tool_calls is not ABSENT]
    shown = (chat.tools, chat.functions, chat.response_format, chat.documents, *calls)
    limits = (chat.max_completion_tokens, chat.max_tokens)
    if chat.web_search_options is not ABSENT:
        media.hidden |= _is(chat.web_search_options)
    return _weight(body, chat, texts, media, shown=shown, pieces=len(chat.messages), limits=limits)


def _weigh_responses(body: bytes) -> Weight:
    asked, media = _responses.decode(body), _Media()
    items = asked.input if isinstance(asked.input, list) else [Item(content=asked.input)]
    texts = (asked.instructions or "", *(text for item in items for text in _given(item, media)))
    media.hidden |= asked.previous_response_id is not None or _is(asked.conversation) or _is(asked.prompt)
    shown = (asked.tools, asked.text)
    return _weight(body, asked, texts, media, shown=shown, pieces=len(items), limits=(asked.max_output_tokens,))


def _weigh_embeddings(body: bytes) -> Weight:
    asked = _embeddings.decode(body)
    inputs = [asked.input] if isinstance(asked.input, str) else asked.input
    texts = tuple(each for each in inputs if isinstance(each, str))
    ids = sum(len(each) if isinstance(each, list) else 1 for each in inputs if not isinstance(each, str))
    return Weight(len(body), texts, sum(map(_size, texts)), pieces=len(inputs), ids=ids, limit=0)


def _weigh_moderations(body: bytes) -> Weight:
    asked, media = _moderations.decode(body), _Media()
    inputs = [asked.input] if isinstance(asked.input, str) else asked.input
    texts = tuple(text for each in inputs for text in _texts([each] if isinstance(each, Part) else each, media))
    weight = _weight(body, asked, texts, media, shown=(), pieces=len(inputs), limits=())
    return msgspec.structs.replace(weight, limit=0, units=1)


def _weigh_images(body: bytes) -> Weight:
    asked = _images.decode(body)
    weight = _weight(body, asked, (asked.prompt,), _Media(), shown=(), pieces=1, limits=())
    return msgspec.structs.replace(weight, units=weight.choices)


def _weigh_transcriptions(body: bytes) -> Weight:
    """Weigh sound by its length in Base64: how long it takes to hear nobody knows before it is decoded."""
    asked = _transcriptions.decode(body)
    sound = len(asked.file if isinstance(asked.file, str) else asked.file.file_data)
    media = _Media(audio=sound, size=sound)
    weight = _weight(body, asked, (asked.prompt,), media, shown=(), pieces=1, limits=())
    return msgspec.structs.replace(weight, units=-(-sound // _PER_SECOND))


def _weigh_rerank(body: bytes) -> Weight:
    """Weigh a query as often as there are documents, for it is read with each: so Voyage, Jina and Alibaba count it.

    The texts are not kept: they are not one input, and what does not fit is cut by whoever ranks.
    """
    asked = _rerank.decode(body)
    documents = [_size(each if isinstance(each, str) else each.text) for each in asked.documents]
    query = _size(asked.query)
    chunks = sum(max(1, -(-size // _PER_CHUNK)) for size in documents)
    return Weight(
        len(body) + query * max(len(documents) - 1, 0),
        text_bytes=sum(documents) + query * len(documents),
        pieces=len(documents),
        limit=0,
        units=max(1, -(-chunks // _CHUNKS)),
    )


_WEIGH: Final[MappingProxyType[Endpoint, Callable[[bytes], Weight]]] = MappingProxyType(
    {
        Endpoint.CHAT: _weigh_chat,
        Endpoint.EMBEDDINGS: _weigh_embeddings,
        Endpoint.RESPONSES: _weigh_responses,
        Endpoint.MODERATIONS: _weigh_moderations,
        Endpoint.IMAGES: _weigh_images,
        Endpoint.TRANSCRIPTIONS: _weigh_transcriptions,
        Endpoint.RERANK: _weigh_rerank,
    }
)


def _weight(  # noqa: PLR0913 - the two wires' parts, brought together
    body: bytes,
    knobs: Body,
    texts: tuple[str, ...],
    media: _Media,
    *,
    shown: Iterable[msgspec.Raw],
    pieces: int,
    limits: Iterable[int | None],
) -> Weight:
    return Weight(
        size=len(body) - media.size,
        texts=texts,
        text_bytes=sum(map(_size, texts)),
        json_bytes=sum([_length(value) for value in shown if value is not ABSENT]),
        pieces=pieces,
        images=media.images,
        audio=media.audio,
        tools=knobs.tools is not ABSENT and _is(knobs.tools),
        hidden=media.hidden or not (knobs.tools is ABSENT or _are_own(knobs.tools)),
        limit=_largest(limits),
        choices=max(knobs.n or 1, 1),
        predicted=_length(knobs.prediction),
    )


def _largest(limits: Iterable[int | None]) -> int | None:
    most = None
    for limit in limits:
        if limit is not None and limit > (most or 0):
            most = limit
    return most


def _said(message: Message, media: _Media) -> Iterable[str]:
    if message.audio is not ABSENT:
        media.hidden |= _is(message.audio)
    content = message.content
    return (content,) if isinstance(content, str) else _parts(content or (), media)


def _given(item: Item, media: _Media) -> Iterator[str]:
    media.hidden |= item.type == _REFERENCE
    yield from _texts(item.content, media)
    yield item.arguments or ""
    yield from _texts(item.output, media)


def _texts(content: Content, media: _Media) -> Iterable[str]:
    return (content,) if isinstance(content, str) else _parts(content or (), media)


def _parts(parts: Iterable[Part | str], media: _Media) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        else:
            yield part.text or ""
            yield part.refusal or ""
            if part.type not in _TEXT:
                _see(part, media)


def _see(part: Part, media: _Media) -> None:
    """Count an image or a sound instead of its bytes; any other medium may hold any amount of text."""
    kind = part.type or ""
    if "image" in kind:
        media.images += 1
        media.size += len(bytes(part.image_url)) + len(bytes(part.source))
    elif kind == "input_audio":
        media.audio += len(bytes(part.input_audio))
        media.size += len(bytes(part.input_audio))
    else:
        media.hidden = True


def _are_own(tools: msgspec.Raw) -> bool:
    return not _is(tools) or all(tool.type in _OWN_TOOLS for tool in _tools.decode(tools))


def _is(value: msgspec.Raw) -> bool:
    return value is not ABSENT and bytes(value) not in _NULL


def _length(value: msgspec.Raw) -> int:
    return len(bytes(value)) if _is(value) else 0


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
