"""The answer of OpenAI's chat completions as values, for wire families whose providers say it in other words.

Source: OpenAI's OpenAPI document, component `CreateChatCompletionResponse`, which wants `refusal` and `logprobs` also
where they are null. `reasoning_content` is DeepSeek's name for thoughts; for `extra_content` see `chat.py`.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Literal

import msgspec

from ...schemas.reply import Tokens
from ...schemas.request import Request

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
_UNSET: Final = msgspec.UNSET


class FunctionCall(msgspec.Struct, frozen=True, gc=False):
    """Which function is called, and its arguments: JSON in a text."""

    name: str
    arguments: str


class Call(msgspec.Struct, frozen=True, gc=False):
    """A call of a function that the model asks for."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    #: What the provider wants to be told again, as JSON; see `chat.Extra`.
    extra_content: msgspec.Raw | msgspec.UnsetType = _UNSET


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[Call] | msgspec.UnsetType = _UNSET
    reasoning_content: str | msgspec.UnsetType = _UNSET
    extra_content: msgspec.Raw | msgspec.UnsetType = _UNSET


class TopLogprob(msgspec.Struct, frozen=True, gc=False):
    """A token that might have stood there."""

    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(msgspec.Struct, frozen=True, gc=False):
    """A token of the answer."""

    token: str
    logprob: float
    bytes: list[int] | None
    top_logprobs: list[TopLogprob]


class Logprobs(msgspec.Struct, frozen=True, gc=False):
    """How likely the answer's tokens were."""

    content: list[TokenLogprob]
    refusal: None = None


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One answer of those that were asked for."""

    index: int
    message: Message
    finish_reason: FinishReason
    logprobs: Logprobs | None = None


class InputDetails(msgspec.Struct, frozen=True, gc=False):
    """Of the input tokens."""

    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(msgspec.Struct, frozen=True, gc=False):
    """Of the output tokens."""

    reasoning_tokens: int


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What was used."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: InputDetails
    completion_tokens_details: OutputDetails


class ChatCompletion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The whole body."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    #: Unix time, seconds.
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | msgspec.UnsetType = _UNSET
    service_tier: str | msgspec.UnsetType = _UNSET


encode_json: Final = msgspec.json.Encoder().encode


def usage_of(tokens: Tokens | None) -> Usage | msgspec.UnsetType:
    """Return token counts in OpenAI's words; nothing where nobody knows them."""
    if tokens is None:
        return _UNSET
    return Usage(
        tokens.input,
        tokens.output,
        tokens.input + tokens.output,
        InputDetails(tokens.cached, tokens.cache_write),
        OutputDetails(tokens.reasoning),
    )


def created_at(headers: Mapping[str, str], request: Request) -> int:
    """Return the unix time of an answer that does not tell it itself: its `Date`, or else when it was asked for."""
    date = headers.get("date")
    moment = None if date is None else _unix(date)
    return request.enqueued_ms // 1000 if moment is None else moment


@lru_cache(maxsize=64)  # reading a date takes as long as all else, and hundreds of answers bring the same
def _unix(date: str) -> int | None:
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp()))
    except (ValueError, OverflowError):
        return None
