"""What is read of a request to Anthropic's Messages. Unknown fields are ignored."""

from typing import Annotated

import msgspec


class Choice(msgspec.Struct, frozen=True, gc=False):
    """The `tool_choice`."""

    type: str
    name: str = ""


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where the bytes of an image or document are; a plain text is itself."""

    type: str
    data: str = ""


class Block(msgspec.Struct, frozen=True):
    """A block of a message's content."""

    type: str
    text: str = ""
    thinking: str = ""
    source: Source | None = None
    #: What a tool returned.
    content: "str | tuple[Block, ...] | None" = None
    #: What a tool was called with.
    input: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Message(msgspec.Struct, frozen=True):
    """One turn."""

    role: str
    content: str | tuple[Block, ...]


class ToolGiven(msgspec.Struct, frozen=True, gc=False):
    """A tool; those with a type of Anthropic's own have no schema, and are never called here."""

    name: str = ""
    input_schema: msgspec.Raw = msgspec.Raw(b"")


class Format(msgspec.Struct, frozen=True, gc=False):
    """The schema of the answer."""

    type: str
    schema: msgspec.Raw = msgspec.Raw(b"")


class OutputConfig(msgspec.Struct, frozen=True, gc=False):
    """What the answer looks like."""

    format: Format | None = None


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """Whether the model thinks."""

    type: str


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """Who the request is for."""

    user_id: str | None = None


class MessagesBody(msgspec.Struct, frozen=True):
    """The body of a request."""

    model: str | None = None
    messages: tuple[Message, ...] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    system: str | tuple[Block, ...] = ""
    tools: tuple[ToolGiven, ...] = ()
    tool_choice: Choice | None = None
    output_config: OutputConfig | None = None
    thinking: Thinking | None = None
    metadata: Metadata | None = None
    stream: bool | None = None
    anthropic_version: str | None = None


class AsSent(msgspec.Struct, frozen=True, gc=False):
    """The tools as they came, to be weighed."""

    tools: msgspec.Raw = msgspec.Raw(b"")
