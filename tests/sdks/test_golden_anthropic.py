"""Anthropic's own types judge what is sent on its wire, and what the golden files say came back.

What is sent has to be what the request's types say, and nothing beside.
"""

import anthropic.types
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from golden import golden, looked_through
from typed_dicts import strict

FAMILIES = ("anthropic", "vertex-anthropic")
#: What Vertex calls the wire's version; the client says it itself only where the body does not.
VERTEX_VERSION = "vertex-2023-10-16"
#: Parameters of models before Claude Opus 4.7, which the client has no more.
OLDER = {"temperature", "top_p", "top_k"}


@pytest.fixture(scope="module")
def request_type():
    return strict("anthropic.types", MessageCreateParamsNonStreaming)


def as_at_anthropic(case):
    """Take back what Vertex's client does to a body before it sends it, and what its types leave to `extra_body`."""
    body = case.sent
    if case.family == "vertex-anthropic":
        assert "model" not in body
        assert body.pop("anthropic_version") == VERTEX_VERSION
        body["model"] = case.facts["model"]
    return {name: value for name, value in body.items() if name not in OLDER}


@pytest.mark.parametrize("case", golden(*FAMILIES, having="sent"))
def test_a_request_is_what_the_types_say(request_type, case):
    body = as_at_anthropic(case)
    assert looked_through(request_type.validate_python(body)) == body


@pytest.mark.parametrize("case", golden(*FAMILIES, having="came"))
def test_an_answer_is_a_message(case):
    anthropic.types.Message.model_validate(case.came)


def test_the_judge_has_teeth(request_type):
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Why?"}]}
    request_type.validate_python(body)
    for wrong in (
        {"n": 2},
        {"max_tokens": None},
        {"tool_choice": {"type": "required"}},
        {"messages": [{"role": "tool"}]},
    ):
        with pytest.raises(ValueError, match="validation error"):
            looked_through(request_type.validate_python(body | wrong))
