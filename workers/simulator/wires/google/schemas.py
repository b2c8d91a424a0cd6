"""Google's own dialect of schemas as JSON Schema: its types are in capitals, and a null is a flag."""

from typing import Final, cast

import msgspec

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def as_json_schema(sent: msgspec.Raw) -> bytes:
    """Return a schema whose types are in small letters, wherever they stand in it."""
    return _encode(_small(_decode(sent)))


def _small(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: _type(each) if name == "type" else _small(each) for name, each in fields.items()}
    if isinstance(value, list):
        return [_small(each) for each in cast("list[object]", value)]
    return value


def _type(value: object) -> object:
    """Return a type in small letters; a property may be called `type` itself, and then it is a schema."""
    return value.lower() if isinstance(value, str) else _small(value)
