"""Images, documents and sound of a chat as blocks of Converse."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ..chat import Audio, File, Image
from ..chat_parts import inline
from ..unmet import Unmet
from .models import Model
from .wire import AudioBlock, Document, DocumentBlock, ImageBlock, Media, Place, Source

_IMAGES: Final = frozenset({"png", "jpeg", "gif", "webp"})
_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: What Converse calls the types of documents.
_DOCUMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        _WORD: "docx",
        "application/vnd.ms-excel": "xls",
        _SHEET: "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)
_SOUNDS: Final = frozenset({"wav", "mp3"})
_ENDINGS: Final[Mapping[str, str]] = MappingProxyType({"jpg": "jpeg", **{word: word for word in _IMAGES}})
_DETAILS: Final = frozenset({None, "auto"})
_S3: Final = "s3://"
#: What names of documents are not made of (botocore: `DocumentBlock.name`); neither two spaces in a row.
_ODD: Final = re.compile(r"[^0-9A-Za-z ()\[\]-]+")
_SPACES: Final = re.compile(r"\s+")
_LONGEST_NAME: Final = 190
_UNNAMED: Final = "document"


class Attachments:
    """Puts what is no text of one request into blocks; knows the names of its documents, which have to differ."""

    __slots__ = ("_model", "_names", "_unmet")

    def __init__(self, model: Model, unmet: Unmet) -> None:
        self._model: Final = model
        self._unmet: Final = unmet
        self._names: set[str] = set()

    def image(self, part: Image) -> ImageBlock | None:
        """Return a block, None for what cannot be said."""
        if part.image_url.detail not in _DETAILS:
            self._unmet.cannot("detail", "auto")
        url = part.image_url.url
        if url.startswith(_S3) and (ending := _ENDINGS.get(url.rpartition(".")[2].lower())):
            return ImageBlock(Media(ending, Source(s3_location=Place(url))))
        found = inline(url)
        kind, _, word = ("", "", "") if found is None else found.media_type.partition("/")
        if found is None or not found.base64 or kind != "image" or word not in _IMAGES:
            self._unmet.cannot("image_url", "PNG, JPEG, GIF and WebP in Base64, or in S3")
            return None
        return ImageBlock(Media(word, Source(found.base64)))

    def document(self, part: File) -> DocumentBlock | None:
        """Return a block, None for what cannot be said."""
        found = inline(part.file.file_data or "")
        word = None if found is None else _DOCUMENTS.get(found.media_type)
        if found is None or word is None or not found.base64:
            self._unmet.cannot("file", f"{', '.join(_DOCUMENTS.values())} in Base64")
            return None
        return DocumentBlock(Document(word, self._name(part.file.filename), Source(found.base64)))

    def sound(self, part: Audio) -> AudioBlock | None:
        """Return a block, None for what cannot be said."""
        sound = part.input_audio
        if not self._model.audio or sound.format not in _SOUNDS or not sound.data:
            self._unmet.cannot("input_audio", "wav and mp3" if self._model.audio else "no such parameter")
            return None
        return AudioBlock(Media(sound.format, Source(sound.data)))

    def _name(self, filename: str | None) -> str:
        """Return a name that no other document has."""
        plain = _plain(filename or _UNNAMED)
        name, number = plain, 1
        while name in self._names:
            number += 1
            name = f"{plain} ({number})"
        self._names.add(name)
        return name


@lru_cache(maxsize=256)  # batches send the same few documents again and again
def _plain(filename: str) -> str:
    """Return a name as Converse wants it: without the ending, which `format` says."""
    stem, _, rest = filename.rpartition(".")
    return _SPACES.sub(" ", _ODD.sub("-", stem or rest)).strip()[:_LONGEST_NAME].rstrip() or _UNNAMED
