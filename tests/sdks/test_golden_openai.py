"""The `openai` client's types judge what is sent on OpenAI's wire and Azure's, and what the golden files say came."""

import pytest
from golden import golden, looked_through
from openai import types
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from typed_dicts import strict

FAMILIES = ("openai", "azure-openai")
#: By endpoint: what a request is, and what an answer is. The client has no rerank.
JUDGES = {
    "/v1/chat/completions": (CompletionCreateParamsNonStreaming, types.chat.ChatCompletion),
    "/v1/embeddings": (types.EmbeddingCreateParams, types.CreateEmbeddingResponse),
    "/v1/responses": (ResponseCreateParamsNonStreaming, types.responses.Response),
    "/v1/moderations": (types.ModerationCreateParams, types.ModerationCreateResponse),
    "/v1/images/generations": (ImageGenerateParamsNonStreaming, types.ImagesResponse),
}
UNJUDGED = {"/v1/rerank": "OpenAI has no reranks", "/v1/audio/transcriptions": "its body is a form"}


def of(having):
    return [case for case in golden(*FAMILIES, having=having) if case.values[0].facts["endpoint"] not in UNJUDGED]


@pytest.mark.parametrize("case", of("sent"))
def test_a_request_is_what_the_types_say(case):
    body, (request, _) = case.sent, JUDGES[case.facts["endpoint"]]
    assert looked_through(strict("openai.types", request).validate_python(body)) == body


@pytest.mark.parametrize("case", of("came"))
def test_an_answer_is_what_the_types_say(case):
    _, answer = JUDGES[case.facts["endpoint"]]
    answer.model_validate(case.came)


def test_the_judge_has_teeth():
    judge = strict("openai.types", CompletionCreateParamsNonStreaming)
    body = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
    judge.validate_python(body)
    for wrong in ({"max_output_tokens": 5}, {"model": None}, {"messages": [{"role": "oracle", "content": "x"}]}):
        with pytest.raises(ValueError, match="validation error"):
            looked_through(judge.validate_python(body | wrong))
