"""What is sent to Gemini's generateContent, as values; the same on Vertex.

Source: Google's reference, "Generating content", and its SDK google-genai 3.6 (types.py).
"""

from typing import Final, Literal

import msgspec

UNSET: Final = msgspec.UNSET
Unset = msgspec.UnsetType


class Blob(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Bytes, in Base64."""

    mime_type: str
    data: str


class FileData(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Bytes, which the provider fetches."""

    file_uri: str
    mime_type: str | Unset = UNSET


class FunctionCall(msgspec.Struct, frozen=True, gc=False):
    """A call that the model asked for; `args` is a JSON object."""

    name: str
    args: msgspec.Raw


class FunctionResponse(msgspec.Struct, frozen=True, gc=False):
    """What it returned: a JSON object, or a text in one."""

    name: str
    response: msgspec.Raw | dict[str, str]


class Part(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """One of these."""

    text: str | Unset = UNSET
    inline_data: Blob | Unset = UNSET
    file_data: FileData | Unset = UNSET
    function_call: FunctionCall | Unset = UNSET
    function_response: FunctionResponse | Unset = UNSET
    thought_signature: str | Unset = UNSET


class Content(msgspec.Struct, frozen=True):
    """What one side says."""

    role: Literal["user", "model"]
    parts: list[Part]


class Instruction(msgspec.Struct, frozen=True):
    """What the model is told before all else."""

    parts: list[Part]


class FunctionDeclaration(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A function; the schema is JSON Schema, not Google's subset of OpenAPI's."""

    name: str
    description: str | Unset = UNSET
    parameters_json_schema: msgspec.Raw | Unset = UNSET


class Tool(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Functions."""

    function_declarations: list[FunctionDeclaration]


class FunctionCallingConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whether functions are called; VALIDATED is AUTO with arguments that keep to their schemas."""

    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED"]
    allowed_function_names: list[str] | Unset = UNSET


class ToolConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """About all tools."""

    function_calling_config: FunctionCallingConfig


class ThinkingConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How much the model thinks: tokens, or a level."""

    thinking_budget: int | Unset = UNSET
    thinking_level: str | Unset = UNSET


class GenerationConfig(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """How the answer is made."""

    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    top_k: int | Unset = UNSET
    candidate_count: int | Unset = UNSET
    max_output_tokens: int | Unset = UNSET
    stop_sequences: list[str] | Unset = UNSET
    seed: int | Unset = UNSET
    presence_penalty: float | Unset = UNSET
    frequency_penalty: float | Unset = UNSET
    response_logprobs: bool | Unset = UNSET
    logprobs: int | Unset = UNSET
    response_mime_type: str | Unset = UNSET
    response_json_schema: msgspec.Raw | Unset = UNSET
    thinking_config: ThinkingConfig | Unset = UNSET


class Body(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """The whole body; the URL names the model."""

    contents: list[Content]
    system_instruction: Instruction | Unset = UNSET
    tools: list[Tool] | Unset = UNSET
    tool_config: ToolConfig | Unset = UNSET
    generation_config: GenerationConfig | Unset = UNSET
    #: On the Gemini API alone.
    service_tier: str | Unset = UNSET
    #: On Vertex alone.
    labels: dict[str, str] | Unset = UNSET
