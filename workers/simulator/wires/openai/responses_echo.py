"""What the responses wire gives back of a request: as it was sent, with the defaults that OpenAI fills in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

_encoder: Final = msgspec.json.Encoder()
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])

_FUNCTION: Final = b'"function"'
#: As OpenAI does it: a function that does not say is strict.
_FUNCTION_DEFAULTS: Final = MappingProxyType({"strict": msgspec.Raw(b"true"), "parameters": msgspec.Raw(b"null")})
_TEXT_DEFAULTS: Final = MappingProxyType({"format": msgspec.Raw(b'{"type":"text"}')})
_REASONING_DEFAULTS: Final = MappingProxyType({"effort": msgspec.Raw(b"null"), "summary": msgspec.Raw(b"null")})
_NULL: Final = b"null"


def echo_tools(sent: msgspec.Raw) -> msgspec.Raw:
    """Return the tools of the request, functions with what they left out."""
    if bytes(sent) in {b"", _NULL}:
        return msgspec.Raw(b"[]")
    return msgspec.Raw(_encoder.encode([_tool(tool) for tool in _array.decode(sent)]))


def _tool(tool: msgspec.Raw) -> msgspec.Raw:
    fields = _object.decode(tool)
    return _filled(tool, _FUNCTION_DEFAULTS) if bytes(fields.get("type", b"")) == _FUNCTION else tool


def echo_text(sent: msgspec.Raw) -> msgspec.Raw:
    """Return the request's `text`: by default plain."""
    return _filled(sent, _TEXT_DEFAULTS)


def echo_reasoning(sent: msgspec.Raw) -> msgspec.Raw:
    """Return the request's `reasoning`: by default none."""
    return _filled(sent, _REASONING_DEFAULTS)


def echo_choice(sent: msgspec.Raw) -> msgspec.Raw:
    """Return the request's `tool_choice`: by default automatic."""
    return msgspec.Raw(b'"auto"') if bytes(sent) in {b"", _NULL} else sent


def _filled(sent: msgspec.Raw, defaults: Mapping[str, msgspec.Raw]) -> msgspec.Raw:
    given = {} if bytes(sent) in {b"", _NULL} else _object.decode(sent)
    return msgspec.Raw(_encoder.encode({**defaults, **given}))
