"""What is read of a request to Bedrock's Converse. Unknown fields are ignored."""

from typing import Annotated, Final

import msgspec

_NONE: Final = msgspec.Raw(b"")


class Reasoned(msgspec.Struct, frozen=True, gc=False):
    """A thought that is told again."""

    text: str = ""


class Reasoning(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a thought is in."""

    reasoning_text: Reasoned = Reasoned()


class ToolUse(msgspec.Struct, frozen=True, gc=False):
    """A call of a tool."""

    name: str = ""
    input: msgspec.Raw = _NONE


class Returned(msgspec.Struct, frozen=True, gc=False):
    """A part of what a tool returned."""

    text: str = ""
    json: msgspec.Raw = _NONE


class ToolResult(msgspec.Struct, frozen=True, gc=False):
    """What a tool returned."""

    content: tuple[Returned, ...] = ()


class Block(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A block: of its fields there is one; of bytes it matters only that they are there."""

    text: str = ""
    image: msgspec.Raw = _NONE
    document: msgspec.Raw = _NONE
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    reasoning_content: Reasoning = Reasoning()
    cache_point: msgspec.Raw = _NONE


class Message(msgspec.Struct, frozen=True, gc=False):
    """One turn."""

    role: str
    content: tuple[Block, ...]


class InputSchema(msgspec.Struct, frozen=True, gc=False):
    """What a schema is in."""

    json: msgspec.Raw = _NONE


class ToolSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A tool."""

    name: str
    input_schema: InputSchema = InputSchema()


class ToolGiven(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a tool is in; a cache point is none."""

    tool_spec: ToolSpec | None = None


class Named(msgspec.Struct, frozen=True, gc=False):
    """A tool by its name."""

    name: str = ""


class Choice(msgspec.Struct, frozen=True, gc=False):
    """Whether tools are called."""

    any: Named | None = None
    tool: Named | None = None


class ToolConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """About tools."""

    tools: tuple[ToolGiven, ...] = ()
    tool_choice: Choice = Choice()


class Inference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How the answer is made."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None


class JsonSchema(msgspec.Struct, frozen=True, gc=False):
    """A schema, as a text."""

    schema: str = ""


class Structure(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a schema is in."""

    json_schema: JsonSchema = JsonSchema()


class TextFormat(msgspec.Struct, frozen=True, gc=False):
    """What the answer looks like."""

    structure: Structure = Structure()


class OutputConfig(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What that is in."""

    text_format: TextFormat = TextFormat()


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Whether Claude thinks."""

    type: str = "disabled"


class More(msgspec.Struct, frozen=True, gc=False):
    """What belongs to the model and not to Converse."""

    thinking: Thinking = Thinking()


class Tier(msgspec.Struct, frozen=True, gc=False):
    """Which tier serves."""

    type: str


class ConverseBody(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The body of a request."""

    messages: tuple[Message, ...] = ()
    system: tuple[Block, ...] = ()
    inference_config: Inference = Inference()
    tool_config: ToolConfig = ToolConfig()
    output_config: OutputConfig = OutputConfig()
    additional_model_request_fields: More = More()
    request_metadata: dict[str, str] | None = None
    service_tier: Tier | None = None


class AsSent(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The tools as they came, to be weighed."""

    tool_config: msgspec.Raw = _NONE
