"""What is read of a request to generateContent. Unknown fields are ignored."""

from typing import Annotated, Final

import msgspec

from ...tokens import PER_IMAGE
from ..prompt import raw_tokens, text_tokens

_NONE: Final = msgspec.Raw(b"")


class Called(msgspec.Struct, frozen=True, gc=False):
    """A call of a function, or what it returned."""

    name: str = ""
    args: msgspec.Raw = _NONE
    response: msgspec.Raw = _NONE


class Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A part of a content; of bytes it matters only that they are there."""

    text: str = ""
    inline_data: msgspec.Raw = _NONE
    file_data: msgspec.Raw = _NONE
    function_call: Called | None = None
    function_response: Called | None = None


class Content(msgspec.Struct, frozen=True, gc=False):
    """What one side says."""

    parts: tuple[Part, ...] = ()
    role: str = ""


class Declaration(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A function, with Google's kind of schema or with JSON Schema."""

    name: str
    parameters: msgspec.Raw = _NONE
    parameters_json_schema: msgspec.Raw = _NONE


class ToolGiven(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Functions; tools of Google's own are never called here."""

    function_declarations: tuple[Declaration, ...] = ()


class Calling(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whether functions are called."""

    mode: str = "AUTO"
    allowed_function_names: tuple[str, ...] | None = None


class ToolConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """About all tools."""

    function_calling_config: Calling = Calling()


class ThinkingConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How much the model thinks, and whether it says so."""

    thinking_budget: int | None = None
    thinking_level: str | None = None
    include_thoughts: bool = False


class GenerationConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How the answer is made."""

    candidate_count: Annotated[int, msgspec.Meta(ge=1, le=8)] | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    response_mime_type: str = ""
    response_schema: msgspec.Raw = _NONE
    response_json_schema: msgspec.Raw = _NONE
    thinking_config: ThinkingConfig = ThinkingConfig()


class GenerateBody(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The body of a request."""

    contents: tuple[Content, ...] = ()
    system_instruction: Content | None = None
    tools: tuple[ToolGiven, ...] = ()
    tool_config: ToolConfig = ToolConfig()
    generation_config: GenerationConfig = GenerationConfig()
    service_tier: str | None = None
    labels: dict[str, str] | None = None


class AsSent(msgspec.Struct, frozen=True, gc=False):
    """The tools as they came, to be weighed."""

    tools: msgspec.Raw = _NONE


def content_tokens(content: Content) -> int:
    """Return the tokens of what one side says."""
    return sum(map(_part, content.parts))


def _part(part: Part) -> int:
    count = text_tokens(part.text) + (PER_IMAGE if bytes(part.inline_data) or bytes(part.file_data) else 0)
    for call in (part.function_call, part.function_response):
        if call is not None:
            count += text_tokens(call.name) + raw_tokens(call.args) + raw_tokens(call.response)
    return count
