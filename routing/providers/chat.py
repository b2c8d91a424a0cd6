"""The body of OpenAI's chat completions as values, for wire families that say it in other words.

Source: OpenAI's OpenAPI document, component `CreateChatCompletionRequest`. Beside its fields stand a few that clients
of other providers already send in such bodies: `top_k`, `cache_control` on parts, Cohere's `documents`,
`citation_options` and `safety_mode`, and `extra_content`, in which Google's OpenAI-compatible endpoint keeps what a
later request has to bring back (ai.google.dev, "Thought signatures").

Reading is strict: what these values have no place for is told, so that nothing is left out unseen. JSON that no family
looks into (schemas, arguments) stays as it came.
"""

from typing import Annotated, Final, Literal

import msgspec

#: JSON that was not sent.
ABSENT = msgspec.Raw()

#: More tokens than any call takes.
MOST_TOKENS: Final = 10**9
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)]


class _Value(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    pass


# --- content ----------------------------------------------------------------------------------------------------------


class Text(_Value, tag="text", frozen=True):
    """A part of text."""

    text: str
    #: Anthropic's mark that a prompt up to here is worth keeping, as JSON.
    cache_control: msgspec.Raw = ABSENT
    #: OpenAI's.
    prompt_cache_breakpoint: msgspec.Raw = ABSENT


class ImageUrl(_Value, frozen=True):
    """Where an image is: a URL, or `data:` with the image in it."""

    url: str
    detail: str | None = None


class Image(_Value, tag="image_url", frozen=True):
    """A part that is an image."""

    image_url: ImageUrl
    cache_control: msgspec.Raw = ABSENT
    prompt_cache_breakpoint: msgspec.Raw = ABSENT


class Sound(_Value, frozen=True):
    """Base64, and the format in a word: wav, mp3."""

    data: str
    format: str


class Audio(_Value, tag="input_audio", frozen=True):
    """A part that is sound."""

    input_audio: Sound
    prompt_cache_breakpoint: msgspec.Raw = ABSENT


class FileData(_Value, frozen=True):
    """A file's content as a `data:` URL, or its id at OpenAI."""

    filename: str | None = None
    file_data: str | None = None
    file_id: str | None = None


class File(_Value, tag="file", frozen=True):
    """A part that is a file."""

    file: FileData
    cache_control: msgspec.Raw = ABSENT
    prompt_cache_breakpoint: msgspec.Raw = ABSENT


class Refusal(_Value, tag="refusal", frozen=True):
    """A part of an assistant's message that says why there is no answer."""

    refusal: str


Part = Text | Image | Audio | File | Refusal
Content = str | list[Part] | None

# --- messages ---------------------------------------------------------------------------------------------------------


class ForGoogle(_Value, frozen=True):
    """What Gemini wants to be told again."""

    thought_signature: str | None = None


class ForAnthropic(_Value, frozen=True):
    """What Anthropic wants to be told again: its blocks of thinking, as they came."""

    thinking: list[msgspec.Raw] = []


class ForCohere(_Value, frozen=True):
    """What Cohere is told again: its thoughts, its plan of which tools to call, and where it had an answer from."""

    thinking: str | None = None
    tool_plan: str | None = None
    #: A list of JSON, as it came.
    citations: msgspec.Raw = ABSENT


class Extra(_Value, frozen=True):
    """What only one provider understands, by provider."""

    google: ForGoogle | None = None
    anthropic: ForAnthropic | None = None
    cohere: ForCohere | None = None


class FunctionCall(_Value, frozen=True):
    """Which function is called, and its arguments: JSON in a text."""

    name: str
    arguments: str


class Call(_Value, tag="function", tag_field="type", frozen=True):
    """A call of a function that the assistant asked for."""

    id: str
    function: FunctionCall
    extra_content: Extra | None = None


class System(_Value, tag="system", tag_field="role", frozen=True):
    """What the model is told before all else."""

    content: Content
    name: str | None = None


class Developer(_Value, tag="developer", tag_field="role", frozen=True):
    """The newer word for `System`."""

    content: Content
    name: str | None = None


class User(_Value, tag="user", tag_field="role", frozen=True):
    """What the user says."""

    content: Content
    name: str | None = None


class Assistant(_Value, tag="assistant", tag_field="role", frozen=True):
    """What the model said before."""

    content: Content = None
    refusal: str | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    extra_content: Extra | None = None
    # in answers that are sent back, and of no use to a model
    audio: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT
    annotations: msgspec.Raw = ABSENT
    reasoning_content: msgspec.Raw = ABSENT


class ToolResult(_Value, tag="tool", tag_field="role", frozen=True):
    """What a function returned."""

    content: Content
    tool_call_id: str


Message = System | Developer | User | Assistant | ToolResult

# --- tools and formats ------------------------------------------------------------------------------------------------


class Function(_Value, frozen=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class Tool(_Value, tag="function", tag_field="type", frozen=True):
    """A tool: functions are the only ones that can be said on every wire."""

    function: Function
    cache_control: msgspec.Raw = ABSENT


class FunctionName(_Value, frozen=True):
    """A function, by name."""

    name: str


class NamedTool(_Value, tag="function", tag_field="type", frozen=True):
    """A tool, by the name of its function."""

    function: FunctionName


class Allowed(_Value, frozen=True):
    """Tools of those that are there, and whether one of them has to be called."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class AllowedTools(_Value, tag="allowed_tools", tag_field="type", frozen=True):
    """A choice among some of the tools."""

    allowed_tools: Allowed


class JsonSchema(_Value, frozen=True):
    """What an answer has to look like; `schema` is a JSON schema."""

    name: str = ""
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class Format(_Value, frozen=True):
    """What an answer is."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


# --- the body ---------------------------------------------------------------------------------------------------------


class ChatBody(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """The whole body. None, or no JSON, is what was not said."""

    model: str = ""
    messages: list[Message]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Count | None = None
    n: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | NamedTool | AllowedTools | None = None
    parallel_tool_calls: bool | None = None
    response_format: Format | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    stream: bool | None = None
    store: bool | None = None
    # what no family here looks into
    audio: msgspec.Raw = ABSENT
    citation_options: msgspec.Raw = ABSENT
    documents: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT
    functions: msgspec.Raw = ABSENT
    logit_bias: msgspec.Raw = ABSENT
    metadata: msgspec.Raw = ABSENT
    modalities: msgspec.Raw = ABSENT
    moderation: msgspec.Raw = ABSENT
    prediction: msgspec.Raw = ABSENT
    prompt_cache_key: msgspec.Raw = ABSENT
    prompt_cache_options: msgspec.Raw = ABSENT
    prompt_cache_retention: msgspec.Raw = ABSENT
    safety_mode: msgspec.Raw = ABSENT
    stream_options: msgspec.Raw = ABSENT
    verbosity: msgspec.Raw = ABSENT
    web_search_options: msgspec.Raw = ABSENT

    @property
    def most_output(self) -> int | None:
        """The most output tokens, reasoning included; the smaller number where two are given."""
        given = [most for most in (self.max_completion_tokens, self.max_tokens) if most is not None]
        return min(given, default=None)

    @property
    def stops(self) -> list[str]:
        """The texts at which the answer ends."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []
