"""What is sent to Anthropic's Messages, as values.

Source: Anthropic's reference, "Create a Message", and its SDK 2.14 (types/message_create_params.py and beside).
"""

from typing import Final, Literal

import msgspec

UNSET: Final = msgspec.UNSET
Unset = msgspec.UnsetType


class TextBlock(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """Text."""

    text: str
    cache_control: msgspec.Raw | Unset = UNSET


class Base64Source(msgspec.Struct, frozen=True, gc=False, tag="base64"):
    """Bytes, in the request."""

    media_type: str
    data: str


class UrlSource(msgspec.Struct, frozen=True, gc=False, tag="url"):
    """Bytes, which the provider fetches."""

    url: str


class TextSource(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """A document that is plain text."""

    data: str
    media_type: Literal["text/plain"] = "text/plain"


class ImageBlock(msgspec.Struct, frozen=True, gc=False, tag="image"):
    """An image."""

    source: Base64Source | UrlSource
    cache_control: msgspec.Raw | Unset = UNSET


class DocumentBlock(msgspec.Struct, frozen=True, gc=False, tag="document"):
    """A document: PDF or plain text."""

    source: Base64Source | UrlSource | TextSource
    title: str | Unset = UNSET
    cache_control: msgspec.Raw | Unset = UNSET


class ToolUseBlock(msgspec.Struct, frozen=True, gc=False, tag="tool_use"):
    """A call that the model asked for; `input` is a JSON object."""

    id: str
    name: str
    input: msgspec.Raw


class ToolResultBlock(msgspec.Struct, frozen=True, gc=False, tag="tool_result"):
    """What it returned."""

    tool_use_id: str
    content: list[TextBlock]


#: Raw: a block of thinking, as it came.
Block = TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | msgspec.Raw


class Turn(msgspec.Struct, frozen=True):
    """What one side says until the other does."""

    role: Literal["user", "assistant"]
    content: list[Block]


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A function; `input_schema` is a JSON schema."""

    name: str
    input_schema: msgspec.Raw
    description: str | Unset = UNSET
    strict: bool | Unset = UNSET
    cache_control: msgspec.Raw | Unset = UNSET


class ToolChoice(msgspec.Struct, frozen=True, gc=False):
    """Whether tools are called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | Unset = UNSET
    disable_parallel_tool_use: bool | Unset = UNSET


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """Who the request is for."""

    user_id: str


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Whether, and with how many tokens, the model thinks."""

    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int | Unset = UNSET


class Format(msgspec.Struct, frozen=True, gc=False):
    """A JSON schema that the answer keeps to."""

    schema: msgspec.Raw
    type: Literal["json_schema"] = "json_schema"


class OutputConfig(msgspec.Struct, frozen=True, gc=False):
    """How much the model takes pains, and what its answer looks like."""

    effort: str | Unset = UNSET
    format: Format | Unset = UNSET


class Body(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The whole body. On Vertex the URL names the model, and the body the version of the wire."""

    model: str | Unset = UNSET
    anthropic_version: str | Unset = UNSET
    max_tokens: int
    messages: list[Turn]
    system: str | list[TextBlock] | Unset = UNSET
    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    top_k: int | Unset = UNSET
    stop_sequences: list[str] | Unset = UNSET
    tools: list[Tool] | Unset = UNSET
    tool_choice: ToolChoice | Unset = UNSET
    thinking: Thinking | Unset = UNSET
    output_config: OutputConfig | Unset = UNSET
    metadata: Metadata | Unset = UNSET
    service_tier: str | Unset = UNSET
