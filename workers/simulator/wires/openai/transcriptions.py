"""Answers to `POST /v1/audio/transcriptions`: the words that some audio says, as its bytes decide.

The body is a form. OpenAI bills models called whisper by seconds, others by tokens; here ten tokens are a second, and a
second is 16 kB of audio.
"""

from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

import msgspec

from ...chance import Draw
from ...pen import Pen
from ...refusal import Refusal, invalid, missing
from ...speech import Wish
from ...tokens import Usage
from ..answer import Answer
from ..head import Head, in_text, read_head
from ..prompt import text_tokens
from ..telling import Asked, Told, tell
from ..wire import Sent

_BYTES_PER_SECOND: Final = 16_000
_TOKENS_PER_SECOND: Final = 10
_FORM: Final = b"multipart/form-data"
_FILE: Final = "file"


class AudioInput(msgspec.Struct, frozen=True, gc=False):
    """What the input's tokens were."""

    text_tokens: int
    audio_tokens: int


class TranscriptUsage(msgspec.Struct, frozen=True, gc=False, tag="tokens"):
    """Tokens, as the transcriptions wire names them."""

    input_tokens: int
    input_token_details: AudioInput
    output_tokens: int
    total_tokens: int


class Duration(msgspec.Struct, frozen=True, gc=False, tag="duration"):
    """Seconds, where they are billed."""

    seconds: int


class Transcript(msgspec.Struct, frozen=True, gc=False):
    """The answer."""

    text: str
    usage: TranscriptUsage | Duration


class Form(msgspec.Struct, frozen=True):
    """What a form holds: texts by name, and the file's bytes."""

    texts: dict[str, str]
    file: bytes | None = None

    @property
    def streams(self) -> bool:
        """Whether an answer in pieces is wanted."""
        return self.texts.get("stream") == "true"


def answer_transcriptions(sent: Sent, numbers: Draw, pen: Pen) -> Answer:
    """Return what is said."""
    form = read_form(sent)
    if isinstance(form, Refusal):
        return tell(sent.model, form, numbers, pen, _written)
    model = form.texts.get("model") or sent.model
    head = read_head(model, in_text("prompt", form.texts.get("prompt")), pen.shelf, stream=form.streams)
    asked = head if isinstance(head, Refusal) else _asked(form, head)
    return _by_seconds(tell(model, asked, numbers, pen, _written), model)


def _by_seconds(answer: Answer, model: str) -> Answer:
    """Bill a model that is billed by seconds."""
    if answer.usage is None or not _is_whisper(model):
        return answer
    seconds = _seconds(answer.usage)
    return msgspec.structs.replace(answer, usage=Usage(0, units=seconds))


def _is_whisper(model: str) -> bool:
    return "whisper" in model


def _seconds(usage: Usage) -> int:
    return -(-usage.input // _TOKENS_PER_SECOND)


def read_form(sent: Sent) -> Form | Refusal:
    """Read the parts of a form (RFC 7578), by the standard library's reader of mails, whose parts are the same."""
    if not sent.content_type.lower().startswith(_FORM):
        return invalid("Content-Type", f"expected {_FORM.decode()}, got {sent.content_type.decode('latin-1')!r}.")
    mail = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + sent.content_type + b"\r\n\r\n" + sent.body)
    texts: dict[str, str] = {}
    file: bytes | None = None
    for part in mail.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if name == _FILE:
            file = content
        elif isinstance(name, str):
            texts[name] = content.decode(errors="replace")
    return Form(texts, file)


def _asked(form: Form, head: Head) -> Asked | Refusal:
    if not form.file:
        return missing(_FILE)
    if form.texts.get("response_format", "json") != "json":
        return invalid("response_format", "The simulator transcribes as JSON alone: expected 'json' or nothing.")
    return Asked(head, _audio_tokens(len(form.file)) + text_tokens(form.texts.get("prompt")), "prompt", Wish())


def _audio_tokens(size: int) -> int:
    return -(-size * _TOKENS_PER_SECOND // _BYTES_PER_SECOND)


def _written(told: Told) -> Transcript:
    usage = told.usage
    if _is_whisper(told.model):
        return Transcript(told.speech.text, Duration(_seconds(usage)))
    details = AudioInput(0, usage.input)
    total = usage.input + usage.output
    return Transcript(told.speech.text, TranscriptUsage(usage.input, details, usage.output, total))
