"""Names of fields as Google's clients may write them: `thinking_budget` is `thinkingBudget`, where a field is Google's.

Source: protobuf.dev, "ProtoJSON format", which has parsers take both; google-genai 3.6 mixes them in one body.
"""

import re
from typing import Final, cast

import msgspec

_SNAKE: Final = re.compile(rb'"[a-z]+(?:_[a-z]+)+"\s*:')
_WORD: Final = re.compile(r"_([a-z])")
#: What lies below these is the sender's, and stays as it is.
_THEIRS: Final = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
)
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def in_camel_case(body: bytes) -> bytes:
    """Return a body whose fields all have the names that are documented."""
    if _SNAKE.search(body) is None:
        return body
    return _encode(_renamed(_decode(body)))


def _renamed(value: object) -> object:
    if isinstance(value, dict):
        fields = {_camel(name): each for name, each in cast("dict[str, object]", value).items()}
        return {name: each if name in _THEIRS else _renamed(each) for name, each in fields.items()}
    if isinstance(value, list):
        return [_renamed(each) for each in cast("list[object]", value)]
    return value


def _camel(name: str) -> str:
    return _WORD.sub(lambda found: found[1].upper(), name)
