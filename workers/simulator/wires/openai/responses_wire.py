"""The shapes of `POST /v1/responses`' answers."""

from collections.abc import Mapping

import msgspec


class OutputText(msgspec.Struct, frozen=True, gc=False):
    """The text of a message."""

    text: str
    type: str = "output_text"
    annotations: tuple[()] = ()
    logprobs: tuple[()] = ()


class MessageItem(msgspec.Struct, frozen=True, gc=False, tag="message"):
    """What the assistant says."""

    id: str
    status: str
    content: tuple[OutputText]
    role: str = "assistant"


class ReasoningItem(msgspec.Struct, frozen=True, gc=False, tag="reasoning"):
    """That the assistant thought; never what."""

    id: str
    summary: tuple[()] = ()


class FunctionCallItem(msgspec.Struct, frozen=True, gc=False, tag="function_call"):
    """A call of a function tool."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: str


class CustomCallItem(msgspec.Struct, frozen=True, gc=False, tag="custom_tool_call"):
    """A call of a custom tool."""

    id: str
    call_id: str
    name: str
    input: str


OutputItem = MessageItem | ReasoningItem | FunctionCallItem | CustomCallItem


class InputDetails(msgspec.Struct, frozen=True, gc=False):
    """What the input's tokens were."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputDetails(msgspec.Struct, frozen=True, gc=False):
    """What the output's tokens were."""

    reasoning_tokens: int


class ResponsesUsage(msgspec.Struct, frozen=True, gc=False):
    """Tokens, as the responses wire names them."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class Incomplete(msgspec.Struct, frozen=True, gc=False):
    """Why a response ended early."""

    reason: str = "max_output_tokens"


class ResponseObject(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The answer; most of it is the request, given back."""

    id: str
    object: str = "response"
    created_at: int
    completed_at: int | None
    status: str
    background: bool = False
    error: None = None
    incomplete_details: Incomplete | None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: tuple[OutputItem, ...]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: msgspec.Raw
    service_tier: str
    store: bool = True
    temperature: float
    text: msgspec.Raw
    tool_choice: msgspec.Raw
    tools: msgspec.Raw
    top_p: float
    truncation: str = "disabled"
    usage: ResponsesUsage
    user: str | msgspec.UnsetType
    metadata: Mapping[str, str]
