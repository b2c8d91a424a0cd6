"""Answers to `POST /v1/images/generations`: a grey pixel, billed as an image of the size that was asked for."""

import base64
import struct
import zlib
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from ...chance import Draw
from ...pen import Pen, created
from ...refusal import Refusal, missing
from ...tokens import Usage
from ..answer import Answer, refused
from ..head import in_text, read_head
from ..prompt import text_tokens
from ..wire import Sent

#: OpenAI's guide, "Image generation": the output tokens of gpt-image-1 by quality, 1024 by 1024.
_TOKENS: Final = MappingProxyType({"low": 272, "medium": 1_056, "high": 4_160})
_USUAL: Final = "medium"
_SIZE: Final = "1024x1024"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_encode: Final = msgspec.json.Encoder().encode


class ImagesBody(msgspec.Struct, frozen=True, gc=False):
    """The body of a request to `/v1/images/generations`."""

    model: str | None = None
    prompt: str | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    size: str | None = None
    quality: str | None = None
    user: str | None = None
    stream: bool | None = None


class Image(msgspec.Struct, frozen=True, gc=False):
    """One image."""

    b64_json: str


class ImageInput(msgspec.Struct, frozen=True, gc=False):
    """What the input's tokens were."""

    text_tokens: int
    image_tokens: int = 0


class ImageUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens, as the images wire names them."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: ImageInput


class Images(msgspec.Struct, frozen=True, gc=False):
    """The answer."""

    created: int
    data: tuple[Image, ...]
    size: str
    quality: str
    usage: ImageUsage
    background: str = "opaque"
    output_format: str = "png"


_body: Final = msgspec.json.Decoder(ImagesBody)


def answer_images(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return as many pixels as were asked for."""
    given = _body.decode(sent.body)
    model = given.model or sent.model
    head = read_head(model, in_text("user", given.user), pen.shelf, stream=given.stream)
    if isinstance(head, Refusal):
        return refused(head, model)
    if not given.prompt:
        return refused(missing("prompt"), model)
    count, quality = given.n or 1, given.quality if given.quality and given.quality in _TOKENS else _USUAL
    usage = Usage(text_tokens(given.prompt), count * _TOKENS[quality], units=count)
    data = tuple(Image(_pixel(numbers.branch(f"image {index}"))) for index in range(count))
    size = given.size if given.size and given.size != "auto" else _SIZE
    images = Images(created(numbers), data, size, quality, _usage(usage))
    return Answer(_encode(images), usage, model, head.script)


def _usage(usage: Usage) -> ImageUsage:
    return ImageUsage(usage.input, usage.output, usage.input + usage.output, ImageInput(usage.input))


def _pixel(numbers: Draw) -> str:
    """Return a PNG of one pixel, of the grey that was drawn (RFC 2083: header, data, end)."""
    pixel = zlib.compress(bytes([0, numbers.digest[0]]))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", pixel), (b"IEND", b""))
    return base64.b64encode(_PNG + b"".join(_chunk(*each) for each in chunks)).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
