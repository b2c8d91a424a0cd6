"""Readings of a chat body that many wire families need: tools and their choice, texts, arguments, `data:` URLs."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import msgspec

from .chat import AllowedTools, ChatBody, Content, Function, NamedTool, Refusal, Text
from .unmet import Unmet

Mode = Literal["auto", "none", "required"]

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MODES: Final[Mapping[str | None, Mode]] = MappingProxyType(
    {None: "auto", "auto": "auto", "none": "none", "required": "required"}
)
_DATA: Final = "data:"
_EMPTY: Final = msgspec.Raw(b"{}")


class ToolUse(NamedTuple):
    """Which functions may be called, and whether one must be."""

    functions: list[Function]
    mode: Mode
    #: The one that must be called.
    name: str | None = None


def tool_use(chat: ChatBody, unmet: Unmet) -> ToolUse:
    """Read `tools` and `tool_choice` in all forms; where only some are allowed, the others are not there."""
    functions = [tool.function for tool in chat.tools or ()]
    choice = chat.tool_choice
    if isinstance(choice, AllowedTools):
        allowed = {tool.function.name for tool in choice.allowed_tools.tools}
        use = ToolUse([each for each in functions if each.name in allowed], choice.allowed_tools.mode)
    elif isinstance(choice, NamedTool):
        use = ToolUse(functions, "required", choice.function.name)
    else:
        mode = _MODES.get(choice)
        if mode is None:
            unmet.cannot("tool_choice", "auto, none, required or a function")
        use = ToolUse(functions, mode or "auto")
    if use.mode == "required" and not use.functions:
        unmet.cannot("tool_choice", "that a tool is called only where there are tools")
        return ToolUse([], "auto")
    return use


def texts(content: Content, unmet: Unmet, where: str) -> list[Text]:
    """Return the parts of a content that may be text alone; empty ones say nothing."""
    if content is None or isinstance(content, str):
        return [Text(content)] if content else []
    found: list[Text] = []
    for each in content:
        part = Text(each.refusal) if isinstance(each, Refusal) else each
        if not isinstance(part, Text):
            unmet.wrong(where, "text alone")
        elif part.text:
            found.append(part)
    return found


def arguments(text: str, unmet: Unmet) -> msgspec.Raw:
    """Return the arguments of a function call as the JSON object that they have to be."""
    if not text.strip():
        return _EMPTY
    raw = text.encode(errors="surrogatepass")
    try:
        _object.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        unmet.wrong("tool_calls", "arguments that are a JSON object")
        return _EMPTY
    return msgspec.Raw(raw)


class Inline(NamedTuple):
    """What a `data:` URL holds."""

    #: In lower case, without parameters.
    media_type: str
    base64: str


def inline(url: str) -> Inline | None:
    """Read a `data:` URL in Base64; None for every other URL."""
    if not url.startswith(_DATA):
        return None
    head, comma, data = url.partition(",")
    media_type, _, parameters = head[len(_DATA) :].partition(";")
    if not comma or not parameters.lower().endswith("base64"):
        return None
    return Inline(media_type.lower(), data)
