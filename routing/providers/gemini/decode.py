"""From Gemini's GenerateContentResponse to a chat completion."""

from collections.abc import Mapping
from typing import Final

import msgspec

from ....schemas.failures import Failure
from ....schemas.reply import Tokens
from ....schemas.request import Endpoint, Request
from ...http import HttpReply
from ...outcome import Completion, Setback
from ...target import Target
from ..chat import Count
from ..completion_body import (
    Call,
    ChatCompletion,
    Choice,
    FunctionCall,
    Logprobs,
    Message,
    TokenLogprob,
    TopLogprob,
    created_at,
    encode_json,
    usage_of,
)
from ..errors import Ending, malformed, setback
from ..native import answered, ended
from .embeddings import decode_embeddings

_UNSET: Final = msgspec.UNSET
#: What the tiers that an answer names are called at OpenAI: the Gemini API's in a header, Vertex's beside the usage.
_TIERS: Final[Mapping[str | None, str]] = {
    "standard": "default",
    "flex": "flex",
    "priority": "priority",
    "on_demand": "default",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}


class _Call(msgspec.Struct, gc=False):
    name: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str = ""


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _Call | None = None
    thought_signature: str = ""


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] = []


class _Likely(msgspec.Struct, gc=False, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(msgspec.Struct, gc=False):
    candidates: list[_Likely] = []


class _LogprobsResult(msgspec.Struct, gc=False, rename="camel"):
    chosen_candidates: list[_Likely] = []
    top_candidates: list[_Top] = []


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    logprobs_result: _LogprobsResult | None = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class _Modality(msgspec.Struct, gc=False, rename="camel"):
    modality: str = ""
    token_count: Count = 0


class _Usage(msgspec.Struct, gc=False, rename="camel"):
    #: Every prompt has tokens: where there are none, nobody counted.
    prompt_token_count: Count | None = None
    cached_content_token_count: Count = 0
    candidates_token_count: Count = 0
    thoughts_token_count: Count = 0
    tool_use_prompt_token_count: Count = 0
    prompt_tokens_details: list[_Modality] | None = None
    cache_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    tool_use_prompt_tokens_details: list[_Modality] | None = None
    traffic_type: str | None = None


class _Answer(msgspec.Struct, gc=False, rename="camel"):
    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str = ""
    response_id: str = ""


_answer: Final = msgspec.json.Decoder(_Answer)


def decode(reply: HttpReply, request: Request, target: Target) -> Completion | Setback:
    """Read what came back. What is not understood is a failure, never a success."""
    if request.endpoint is Endpoint.EMBEDDINGS:
        return decode_embeddings(reply, request, target)
    answer = answered(reply, target, _answer)
    if isinstance(answer, Setback):
        return answer
    tokens = _tokens(answer.usage_metadata)
    choices = _choices(answer, request, target)
    if isinstance(choices, Failure):
        return setback(reply, target, choices, tokens)
    tier = _tier(reply, answer.usage_metadata)
    body = ChatCompletion(
        id=answer.response_id or f"chatcmpl-{request.id}",
        created=created_at(reply.headers, request),
        model=answer.model_version or target.upstream_model,
        choices=choices,
        usage=usage_of(tokens),
        service_tier=tier or _UNSET,
    )
    return Completion(reply.status, encode_json(body), answer.response_id, tokens, tier)


def _choices(answer: _Answer, request: Request, target: Target) -> list[Choice] | Failure:
    if not answer.candidates:
        return _blocked(answer.prompt_feedback, target)
    choices: list[Choice] = []
    for at, candidate in enumerate(answer.candidates):
        choice = _choice(at, candidate, answer.response_id or request.id, target)
        if isinstance(choice, Failure):
            return choice
        choices.append(choice)
    return choices


def _choice(at: int, candidate: _Candidate, name: str, target: Target) -> Choice | Failure:
    """Return a candidate as a choice; that functions are called Gemini does not say where it says how it ended."""
    finish = ended(target, candidate.finish_reason)
    if isinstance(finish, Failure):
        return finish
    index = at if candidate.index is None else candidate.index
    message = _message(candidate, f"{name}_{index}")
    if isinstance(message, Failure):
        return message
    if finish == "stop" and message.tool_calls is not _UNSET:
        finish = "tool_calls"
    return Choice(index, message, finish, _logprobs(candidate.logprobs_result))


def _blocked(feedback: _Feedback | None, target: Target) -> list[Choice] | Failure:
    """Return the one choice of a prompt that was blocked: an answer that a filter has taken away."""
    if feedback is None or feedback.block_reason is None:
        return malformed("neither candidates nor why there are none", "candidates")
    finish = ended(target, feedback.block_reason, Ending.BLOCK)
    if isinstance(finish, Failure):
        return finish
    why = feedback.block_reason_message or f"The prompt was blocked: {feedback.block_reason}"
    return [Choice(0, Message(content=None, refusal=why), finish)]


def _message(candidate: _Candidate, name: str) -> Message | Failure:
    """Put the parts of a candidate together; one that was not asked for cannot be told in OpenAI's words."""
    parts = [] if candidate.content is None else candidate.content.parts
    if any(part.text is None and part.function_call is None and not part.thought_signature for part in parts):
        return malformed("a part that is neither text nor a function call", "those alone")
    said = [part for part in parts if part.text is not None and not part.thought]
    texts = [part.text for part in said if part.text]
    thoughts = "".join(part.text for part in parts if part.thought and part.text)
    signature = next((part.thought_signature for part in reversed(parts) if _signs_text(part)), "")
    return Message(
        content="".join(texts) if texts else None,
        refusal=None,
        tool_calls=_calls(parts, name) or _UNSET,
        reasoning_content=thoughts or _UNSET,
        extra_content=_extra(signature),
    )


def _signs_text(part: _Part) -> bool:
    return bool(part.thought_signature) and part.function_call is None and not part.thought


def _calls(parts: list[_Part], name: str) -> list[Call]:
    """Return the calls. Where Gemini gives them no ids, the answer's name and their places make some."""
    calls = ((part.function_call, part.thought_signature) for part in parts if part.function_call is not None)
    return [
        Call(
            call.id or f"call_{name}_{at}",
            FunctionCall(call.name, bytes(call.args).decode()),
            extra_content=_extra(signature),
        )
        for at, (call, signature) in enumerate(calls)
    ]


def _extra(signature: str) -> msgspec.Raw | msgspec.UnsetType:
    return msgspec.Raw(encode_json({"google": {"thought_signature": signature}})) if signature else _UNSET


def _logprobs(result: _LogprobsResult | None) -> Logprobs | None:
    if result is None:
        return None
    tops = [*result.top_candidates, *[_Top()] * len(result.chosen_candidates)]
    return Logprobs(
        [
            TokenLogprob(
                chosen.token,
                chosen.log_probability,
                list(chosen.token.encode()),
                [TopLogprob(each.token, each.log_probability, list(each.token.encode())) for each in top.candidates],
            )
            for chosen, top in zip(result.chosen_candidates, tops, strict=False)
        ]
    )


def _tokens(usage: _Usage | None) -> Tokens | None:
    """Count tokens: Gemini's candidates are without their thoughts, and its prompt without what tools brought."""
    if usage is None or usage.prompt_token_count is None:
        return None
    return Tokens(
        input=usage.prompt_token_count + usage.tool_use_prompt_token_count,
        cached=usage.cached_content_token_count,
        output=usage.candidates_token_count + usage.thoughts_token_count,
        reasoning=usage.thoughts_token_count,
        input_audio=_sound(usage.prompt_tokens_details) + _sound(usage.tool_use_prompt_tokens_details),
        cached_audio=_sound(usage.cache_tokens_details),
        output_audio=_sound(usage.candidates_tokens_details),
    )


def _sound(details: list[_Modality] | None) -> int:
    return sum(each.token_count for each in details if each.modality == "AUDIO") if details else 0


def _tier(reply: HttpReply, usage: _Usage | None) -> str | None:
    said = reply.headers.get("x-gemini-service-tier") or (None if usage is None else usage.traffic_type)
    return None if said is None else _TIERS.get(said.lower())
