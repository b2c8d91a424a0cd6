"""google-genai's own types judge what is sent on Gemini's wire, and what the golden files say came back.

They forbid unknown fields. An enum's value that they do not know is only a warning there, and an error here.
"""

import typing

import pytest
from golden import golden
from google.genai import types
from pydantic import TypeAdapter

FAMILIES = ("gemini", "vertex")
#: What stands where in a body of generateContent.
PARTS: dict[str, TypeAdapter[typing.Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "generationConfig": TypeAdapter(types.GenerationConfig),
    "serviceTier": TypeAdapter(types.ServiceTier),
    "labels": TypeAdapter(dict[str, str]),
}
#: And in one request of batchEmbedContents.
EMBED: dict[str, TypeAdapter[typing.Any]] = {
    "model": TypeAdapter(str),
    "content": TypeAdapter(types.Content),
    "outputDimensionality": TypeAdapter(int),
}


def judge(body, parts):
    """Judge each part by its type; a field that has none is wrong."""
    assert set(body) <= set(parts)
    for name, value in body.items():
        parts[name].validate_python(value)


@pytest.mark.parametrize("case", golden(*FAMILIES, having="sent"))
def test_a_request_is_made_of_the_types(case):
    body = case.sent
    if "requests" not in body:
        judge(body, PARTS)
    for each in body.get("requests", ()):
        judge(each, EMBED)


@pytest.mark.parametrize("case", golden(*FAMILIES, having="came"))
def test_an_answer_is_a_response(case):
    kind = types.EmbedContentResponse if "embeddings" in case.came else types.GenerateContentResponse
    kind.model_validate(case.came)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contents": [{"role": "user", "parts": [{"txt": "Why?"}]}]},
        {"generationConfig": {"maxTokens": 5}},
        {"toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}},
    ],
)
def test_the_judge_has_teeth(wrong):
    with pytest.raises((ValueError, UserWarning)):
        judge(wrong, PARTS)
