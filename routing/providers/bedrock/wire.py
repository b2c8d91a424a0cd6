"""What is sent to Converse, as values.

Source: botocore 1.44.8, bedrock-runtime service-2.json, `ConverseRequest` and beside. A block's one field says what it
is.
"""

from typing import Final, Literal

import msgspec

UNSET: Final = msgspec.UNSET
Unset = msgspec.UnsetType


class _Value(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    pass


class Nothing(_Value, frozen=True):
    """An object without fields."""


class CachePoint(_Value, frozen=True):
    """A mark: what stands before it is worth keeping."""

    type: Literal["default"] = "default"
    ttl: str | Unset = UNSET


class CacheBlock(_Value, frozen=True):
    """A mark."""

    cache_point: CachePoint


class TextBlock(_Value, frozen=True):
    """Text."""

    text: str


class Place(_Value, frozen=True):
    """Where an object is in S3."""

    uri: str


class Source(_Value, frozen=True):
    """Base64, or where the bytes are."""

    bytes: str | Unset = UNSET
    s3_location: Place | Unset = UNSET


class Media(_Value, frozen=True):
    """An image or sound; `format` is its type in a word."""

    format: str
    source: Source


class ImageBlock(_Value, frozen=True):
    """An image."""

    image: Media


class AudioBlock(_Value, frozen=True):
    """Sound."""

    audio: Media


class Document(_Value, frozen=True):
    """A document; no two of a request have the same name."""

    format: str
    name: str
    source: Source


class DocumentBlock(_Value, frozen=True):
    """A document."""

    document: Document


class ToolUse(_Value, frozen=True):
    """A call that the model asked for; `input` is a JSON object."""

    tool_use_id: str
    name: str
    input: msgspec.Raw


class ToolUseBlock(_Value, frozen=True):
    """A call."""

    tool_use: ToolUse


class Result(_Value, frozen=True):
    """What it returned."""

    tool_use_id: str
    content: list[TextBlock]


class ToolResultBlock(_Value, frozen=True):
    """A result."""

    tool_result: Result


class ReasoningText(_Value, frozen=True):
    """Thoughts, and what proves that they are the model's."""

    text: str
    signature: str


class Reasoning(_Value, frozen=True):
    """Thoughts, or what stands for them: Base64."""

    reasoning_text: ReasoningText | Unset = UNSET
    redacted_content: str | Unset = UNSET


class ReasoningBlock(_Value, frozen=True):
    """Thoughts of an earlier turn."""

    reasoning_content: Reasoning


Block = (
    TextBlock | ImageBlock | AudioBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ReasoningBlock | CacheBlock
)
SystemBlock = TextBlock | CacheBlock


class Turn(msgspec.Struct, frozen=True):
    """What one side says until the other does."""

    role: Literal["user", "assistant"]
    content: list[Block]


class InferenceConfig(_Value, frozen=True):
    """What all models take."""

    max_tokens: int | Unset = UNSET
    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    stop_sequences: list[str] | Unset = UNSET


class InputSchema(_Value, frozen=True):
    """A JSON schema."""

    json: msgspec.Raw


class ToolSpec(_Value, frozen=True):
    """A function."""

    name: str
    input_schema: InputSchema
    description: str | Unset = UNSET
    strict: bool | Unset = UNSET


class ToolBlock(_Value, frozen=True):
    """A function."""

    tool_spec: ToolSpec


class Name(_Value, frozen=True):
    """A function, by name."""

    name: str


class ToolChoice(_Value, frozen=True):
    """Whether tools are called: one of these."""

    any: Nothing | Unset = UNSET
    tool: Name | Unset = UNSET


class ToolConfig(_Value, frozen=True):
    """The tools, and whether they are called."""

    tools: list[ToolBlock | CacheBlock]
    tool_choice: ToolChoice | Unset = UNSET


class JsonSchema(_Value, frozen=True):
    """A JSON schema that the answer keeps to: JSON in a text."""

    schema: str
    name: str | Unset = UNSET
    description: str | Unset = UNSET


class Structure(_Value, frozen=True):
    """What the answer keeps to."""

    json_schema: JsonSchema


class TextFormat(_Value, frozen=True):
    """What the answer's text looks like."""

    structure: Structure
    type: Literal["json_schema"] = "json_schema"


class OutputConfig(_Value, frozen=True):
    """What the answer looks like."""

    text_format: TextFormat


class Guardrail(_Value, frozen=True):
    """What watches over question and answer."""

    guardrail_identifier: str
    guardrail_version: str


class Performance(_Value, frozen=True):
    """How fast the model is served."""

    latency: str


class ServiceTier(_Value, frozen=True):
    """How urgent the request is."""

    type: str


class Body(_Value, frozen=True, kw_only=True):
    """The whole body; the model is in the URL."""

    messages: list[Turn]
    system: list[SystemBlock] | Unset = UNSET
    inference_config: InferenceConfig | Unset = UNSET
    tool_config: ToolConfig | Unset = UNSET
    guardrail_config: Guardrail | Unset = UNSET
    #: What only one maker's models take, in that maker's words.
    additional_model_request_fields: dict[str, object] | Unset = UNSET
    request_metadata: dict[str, str] | Unset = UNSET
    performance_config: Performance | Unset = UNSET
    service_tier: ServiceTier | Unset = UNSET
    output_config: OutputConfig | Unset = UNSET
