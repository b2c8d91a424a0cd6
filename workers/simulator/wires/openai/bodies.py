"""What is read of a request's body. Unknown fields are ignored; a known one of the wrong type is the sender's error."""

from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from ..head import NO_SCRIPT, Spoken, in_names, in_text

_NONE: Final = msgspec.Raw(b"")

Count = Annotated[int, msgspec.Meta(ge=1)]
Choices = Annotated[int, msgspec.Meta(ge=1, le=128)]
#: OpenAI's own minimum of `max_output_tokens`.
OutputLimit = Annotated[int, msgspec.Meta(ge=16)]
Dimensions = Annotated[int, msgspec.Meta(ge=1, le=4096)]
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Body(msgspec.Struct, frozen=True, gc=False):
    """What the bodies of all endpoints have in common."""

    model: str | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    stream: bool | None = None

    @property
    def spoken(self) -> Spoken:
        """The fault script: in `metadata` under `simulate`, or in `user` behind `simulate:`."""
        if self.metadata is None and self.user is None:
            return NO_SCRIPT
        found = in_names("metadata", self.metadata)
        return found if found.script else in_text("user", self.user)


class Part(msgspec.Struct, frozen=True, gc=False):
    """A part of a message's content."""

    type: str
    text: str = ""
    refusal: str = ""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message of a chat."""

    role: str
    content: str | tuple[Part, ...] | None = None
    tool_calls: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Named(msgspec.Struct, frozen=True, gc=False):
    """A function or custom tool, as the chat wire wraps it."""

    name: str
    parameters: msgspec.Raw = _NONE


class ChatTool(msgspec.Struct, frozen=True, gc=False):
    """A tool of a chat."""

    type: str
    function: Named | None = None
    custom: Named | None = None


class AllowedTools(msgspec.Struct, frozen=True, gc=False):
    """The chat wire's `allowed_tools`."""

    mode: str
    tools: tuple[ChatTool, ...] = ()


class ChatToolChoice(msgspec.Struct, frozen=True, gc=False):
    """A tool choice that is more than a word."""

    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(msgspec.Struct, frozen=True, gc=False):
    """The schema that an answer is to match."""

    name: str = ""
    schema: msgspec.Raw = _NONE


class ResponseFormat(msgspec.Struct, frozen=True, gc=False):
    """The chat wire's `response_format`."""

    type: str
    json_schema: JsonSchema | None = None


class ChatBody(Body, frozen=True, gc=False):
    """The body of a request to `/v1/chat/completions`."""

    messages: tuple[Message, ...] | None = None
    n: Choices | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    response_format: ResponseFormat | None = None
    tools: tuple[ChatTool, ...] | None = None
    tool_choice: str | ChatToolChoice | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None


class EmbeddingsBody(Body, frozen=True, gc=False):
    """The body of a request to `/v1/embeddings`."""

    #: A text, several, the token ids of one, or of several.
    input: str | tuple[str | int | tuple[int, ...], ...] | None = None
    dimensions: Dimensions | None = None
    encoding_format: str | None = None


class Item(msgspec.Struct, frozen=True, gc=False):
    """An item of a response's input list."""

    type: str = "message"
    role: str | None = None
    content: str | tuple[Part, ...] | None = None
    arguments: str = ""
    output: str | tuple[Part, ...] = ""


class ResponsesTool(msgspec.Struct, frozen=True, gc=False):
    """A tool of the responses wire; tools that are neither function nor custom are hosted, and never called here."""

    type: str
    name: str = ""
    parameters: msgspec.Raw = _NONE


class ResponsesAllowed(msgspec.Struct, frozen=True, gc=False):
    """A tool choice of the responses wire that is more than a word."""

    type: str
    name: str | None = None
    mode: str | None = None
    tools: tuple[ResponsesTool, ...] = ()


class TextFormat(msgspec.Struct, frozen=True, gc=False):
    """The responses wire's `text.format`."""

    type: str
    schema: msgspec.Raw = _NONE


class TextConfig(msgspec.Struct, frozen=True, gc=False):
    """The responses wire's `text`."""

    format: TextFormat | None = None


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """The responses wire's `reasoning`."""

    effort: str | None = None


class ResponsesBody(Body, frozen=True, gc=False):
    """The body of a request to `/v1/responses`."""

    input: str | tuple[Item, ...] | None = None
    instructions: str | None = None
    max_output_tokens: OutputLimit | None = None
    text: TextConfig | None = None
    tools: tuple[ResponsesTool, ...] | None = None
    tool_choice: str | ResponsesAllowed | None = None
    reasoning: Reasoning | None = None
    service_tier: str | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None


class AsSent(msgspec.Struct, frozen=True, gc=False):
    """The parts of a body that are weighed or given back as they came; read a second time, when they are there."""

    tools: msgspec.Raw = _NONE
    tool_choice: msgspec.Raw = _NONE
    text: msgspec.Raw = _NONE
    reasoning: msgspec.Raw = _NONE


#: What a request may ask for, and what is then said to have served it.
_TIERS: Final = MappingProxyType({"flex": "flex", "priority": "priority", "fast": "priority", "scale": "scale"})


def service_tier(asked: str | None) -> str:
    """Return the tier that served a request which asked for `asked`."""
    return _TIERS.get(asked or "", "default")


def asks_reasoning(effort: str | None) -> bool:
    """Say whether a reasoning effort means that tokens are spent on it."""
    return effort is not None and effort != "none"
