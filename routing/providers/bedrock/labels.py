"""Who a request is for, as Converse's `requestMetadata`: what calls are labelled with in the account's own logs."""

import re
from typing import Final

import msgspec

from ..chat import ChatBody
from ..unmet import Unmet, asks

#: botocore 1.44.8: `RequestMetadata`, its keys and its values.
_KEY: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_VALUE: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_MOST: Final = 16
_USER: Final = "user"
_TAKES: Final = "up to 256 letters, digits and :_@$#=/+,.-"

_texts: Final = msgspec.json.Decoder(dict[str, str])


def labels(chat: ChatBody, unmet: Unmet) -> dict[str, str]:
    """Return the body's metadata and its user; `safety_identifier` is OpenAI's newer word for that."""
    found = _metadata(chat.metadata, unmet) if asks("metadata", chat.metadata) else {}
    name = _USER if chat.safety_identifier is None else "safety_identifier"
    user = chat.safety_identifier or chat.user
    if chat.user and user != chat.user:
        unmet.put("left out user: safety_identifier says the same")
    if not user:
        return found
    if len(found) == _MOST or found.get(_USER, user) != user or not _VALUE.fullmatch(user):
        unmet.cannot(name, f"{_TAKES}, beside at most {_MOST - 1} entries of metadata without {_USER}")
        return found
    return {**found, _USER: user}


def _metadata(given: msgspec.Raw, unmet: Unmet) -> dict[str, str]:
    try:
        found = _texts.decode(given)
    except (msgspec.DecodeError, UnicodeError):
        found = None
    if found is None or len(found) > _MOST or not all(_fits(*each) for each in found.items()):
        unmet.cannot("metadata", f"at most {_MOST} entries of {_TAKES}")
        return {}
    return found


def _fits(key: str, value: str) -> bool:
    return _KEY.fullmatch(key) is not None and _VALUE.fullmatch(value) is not None
