"""From Cohere's answers to OpenAI's."""

from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.request import Endpoint, Request
from ...http import HttpReply
from ...outcome import Completion, Setback
from ...target import Target
from ..completion_body import (
    Call,
    ChatCompletion,
    Choice,
    FunctionCall,
    Logprobs,
    Message,
    TokenLogprob,
    created_at,
    encode_json,
    usage_of,
)
from ..errors import malformed, setback
from ..native import answered, ended
from ..rerank import decode_rerank
from .embeddings import decode_embeddings
from .usage import Meta, tokens_of

_UNSET: Final = msgspec.UNSET
_BLOCKS: Final = frozenset({"text", "thinking"})


class _Block(msgspec.Struct, gc=False):
    type: str
    text: str = ""
    thinking: str = ""


class _Function(msgspec.Struct, gc=False):
    name: str
    arguments: str = "{}"


class _Call(msgspec.Struct, gc=False):
    id: str
    function: _Function


class _Message(msgspec.Struct, gc=False):
    content: list[_Block] | None = None
    tool_calls: list[_Call] | None = None
    tool_plan: str | None = None
    citations: list[msgspec.Raw] | None = None


class _Likely(msgspec.Struct, gc=False):
    #: A piece of text, of one token or of several.
    text: str = ""
    logprobs: list[float] = []


class _Answer(msgspec.Struct, gc=False):
    id: str
    message: _Message
    finish_reason: str | None = None
    usage: Meta | None = None
    logprobs: list[_Likely] | None = None


class _ForCohere(msgspec.Struct, gc=False, omit_defaults=True):
    thinking: str = ""
    tool_plan: str = ""
    citations: list[msgspec.Raw] = []


_answer: Final = msgspec.json.Decoder(_Answer)
_NOTHING: Final = _ForCohere()


def decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    if request.endpoint is Endpoint.RERANK:
        return decode_rerank(reply, request, target)
    if request.endpoint is Endpoint.EMBEDDINGS:
        return decode_embeddings(reply, request, target)
    return _chat(reply, request, target)


def _chat(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = tokens_of(answer.usage)
    finish = ended(target, answer.finish_reason)
    if isinstance(finish, Failure):
        return setback(reply, target, finish, tokens)
    message = _said(answer.message)
    if isinstance(message, Failure):
        return setback(reply, target, message, tokens)
    body = ChatCompletion(
        id=answer.id,
        created=created_at(reply.headers, request),
        model=target.upstream_model,
        choices=[Choice(0, message, finish, _logprobs(answer.logprobs))],
        usage=usage_of(tokens),
    )
    return Completion(reply.status, encode_json(body), answer.id, tokens)


def _said(message: _Message) -> Message | Failure:
    """Put the blocks of an answer together; plans of which tools to call are thoughts."""
    blocks = message.content or []
    odd = next((block.type for block in blocks if block.type not in _BLOCKS), None)
    if odd is not None:
        return malformed(f"a block of type {odd!r}", "text and thinking")
    texts = [block.text for block in blocks if block.type == "text" and block.text]
    thoughts = "".join(block.thinking for block in blocks if block.type == "thinking")
    calls = [
        Call(call.id, FunctionCall(call.function.name, call.function.arguments)) for call in message.tool_calls or ()
    ]
    extra = _ForCohere(thoughts, message.tool_plan or "", message.citations or [])
    return Message(
        content="".join(texts) if texts else None,
        tool_calls=calls or _UNSET,
        reasoning_content="\n\n".join(filter(None, (thoughts, extra.tool_plan))) or _UNSET,
        extra_content=_UNSET if extra == _NOTHING else msgspec.Raw(encode_json({"cohere": extra})),
    )


def _logprobs(pieces: list[_Likely] | None) -> Logprobs | None:
    """Return how likely the pieces of the text were; one of several tokens is as likely as all of them together."""
    if pieces is None:
        return None
    return Logprobs([TokenLogprob(piece.text, sum(piece.logprobs), list(piece.text.encode()), []) for piece in pieces])
