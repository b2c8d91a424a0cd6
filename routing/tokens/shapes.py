"""What is read of bodies to weigh them. Whatever else a body holds still counts by its bytes."""

import msgspec

#: JSON that was not sent.
ABSENT = msgspec.Raw()


class Part(msgspec.Struct, frozen=True, gc=False):
    """A part of a message's content."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    #: Where media stand in the parts of OpenAI's wires, and in those that its compatible servers let through.
    image_url: msgspec.Raw = ABSENT
    input_audio: msgspec.Raw = ABSENT
    source: msgspec.Raw = ABSENT


Content = str | list[Part] | None


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message of a chat."""

    content: Content = None
    tool_calls: msgspec.Raw = ABSENT
    #: Names something that was said before, which the body does not show.
    audio: msgspec.Raw = ABSENT


class Item(msgspec.Struct, frozen=True, gc=False):
    """An item of a response's input."""

    type: str | None = None
    content: Content = None
    arguments: str | None = None
    output: Content = None


class Tool(msgspec.Struct, frozen=True, gc=False):
    """A tool: the caller's own, or one that the provider hosts."""

    type: str = ""


class Body(msgspec.Struct, frozen=True, gc=False):
    """What bounds an answer. The first two are the chat wire's, the third is the responses wire's."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    #: Tokens of a prediction that did not come true are billed as output.
    prediction: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT


class Chat(Body, frozen=True, gc=False):
    """The body of a chat."""

    messages: list[Message] = []
    functions: msgspec.Raw = ABSENT
    response_format: msgspec.Raw = ABSENT
    web_search_options: msgspec.Raw = ABSENT
    #: Cohere's, to be cited.
    documents: msgspec.Raw = ABSENT


class Embeddings(Body, frozen=True, gc=False):
    """The body of an embedding: texts, or token ids."""

    input: str | list[str | int | list[int]] = ""


class Moderations(Body, frozen=True, gc=False):
    """The body of a moderation: texts, or parts."""

    input: str | list[str | Part] = ""


class Images(Body, frozen=True, gc=False):
    """The body of a generation of images."""

    prompt: str = ""


class SoundFile(msgspec.Struct, frozen=True, gc=False):
    """A file with sound in it, as a `data:` URL."""

    file_data: str = ""


class Transcriptions(Body, frozen=True, gc=False):
    """The body of a transcription."""

    file: str | SoundFile = ""
    prompt: str = ""


class Document(msgspec.Struct, frozen=True, gc=False):
    """A document that is not a text alone; `rest` of it counts by the bytes of the body."""

    text: str = ""


class Rerank(Body, frozen=True, gc=False):
    """The body of a rerank."""

    query: str = ""
    documents: list[str | Document] = []


class Responses(Body, frozen=True, gc=False):
    """The body of a response."""

    input: str | list[Item] = ""
    instructions: str | None = None
    text: msgspec.Raw = ABSENT
    #: Name input that the body does not show.
    previous_response_id: str | None = None
    conversation: msgspec.Raw = ABSENT
    prompt: msgspec.Raw = ABSENT
