"""What is sent to Cohere, as values. Source: its SDK cohere 7.3 (`v2/client.py`, `types/`), November 2026."""

from typing import Final, Literal

import msgspec

UNSET: Final = msgspec.UNSET
Unset = msgspec.UnsetType


class TextBlock(msgspec.Struct, frozen=True, gc=False, tag="text", tag_field="type"):
    """A text."""

    text: str


class ImageUrl(msgspec.Struct, frozen=True, gc=False):
    """Where an image is: an address, or `data:` with the image in it."""

    url: str
    detail: str | Unset = UNSET


class ImageBlock(msgspec.Struct, frozen=True, gc=False, tag="image_url", tag_field="type"):
    """An image."""

    image_url: ImageUrl


class ThinkingBlock(msgspec.Struct, frozen=True, gc=False, tag="thinking", tag_field="type"):
    """What the model thought before it answered."""

    thinking: str


Block = TextBlock | ImageBlock | ThinkingBlock


class FunctionCall(msgspec.Struct, frozen=True, gc=False):
    """Which function is called, and its arguments: JSON in a text."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, gc=False):
    """A call that the model asked for."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one side says."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[Block] | Unset = UNSET
    tool_call_id: str | Unset = UNSET
    tool_calls: list[ToolCall] | Unset = UNSET
    tool_plan: str | Unset = UNSET
    citations: msgspec.Raw | Unset = UNSET


class Function(msgspec.Struct, frozen=True, gc=False):
    """A function; its parameters are a JSON schema."""

    name: str
    parameters: msgspec.Raw
    description: str | Unset = UNSET


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A tool: a function."""

    function: Function
    type: Literal["function"] = "function"


class ResponseFormat(msgspec.Struct, frozen=True, gc=False):
    """That an answer is a JSON object, and of which schema."""

    json_schema: msgspec.Raw | Unset = UNSET
    type: Literal["json_object"] = "json_object"


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Whether the model thinks, and with how many tokens at most."""

    type: Literal["enabled", "disabled"]
    token_budget: int | Unset = UNSET


class Body(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The whole body of a chat."""

    model: str
    messages: list[Message]
    tools: list[Tool] | Unset = UNSET
    strict_tools: bool | Unset = UNSET
    tool_choice: Literal["REQUIRED", "NONE"] | Unset = UNSET
    documents: msgspec.Raw | Unset = UNSET
    citation_options: msgspec.Raw | Unset = UNSET
    safety_mode: msgspec.Raw | Unset = UNSET
    response_format: ResponseFormat | Unset = UNSET
    max_tokens: int | Unset = UNSET
    stop_sequences: list[str] | Unset = UNSET
    temperature: float | Unset = UNSET
    seed: int | Unset = UNSET
    frequency_penalty: float | Unset = UNSET
    presence_penalty: float | Unset = UNSET
    k: int | Unset = UNSET
    p: float | Unset = UNSET
    logprobs: bool | Unset = UNSET
    thinking: Thinking | Unset = UNSET


class Embed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The whole body of an embedding."""

    model: str
    texts: list[str]
    input_type: str
    embedding_types: list[str]
    output_dimension: int | Unset = UNSET
    truncate: str | Unset = UNSET
