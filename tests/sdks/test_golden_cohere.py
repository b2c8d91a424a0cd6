"""The `cohere` client's types judge what is sent to Cohere, and what the golden files say came back.

They let fields pass that they do not know; here those are wrong.
"""

import inspect
import json
import typing

import cohere
import httpx
import pydantic
import pytest
from cohere import types
from cohere.core.unchecked_base_model import construct_type
from cohere.v2.client import V2Client
from cohere.v2.types import V2ChatResponse, V2RerankResponse
from golden import golden

METHODS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embed", "/v1/rerank": "rerank"}
ANSWERS = {
    "/v1/chat/completions": V2ChatResponse,
    "/v1/embeddings": types.EmbedByTypeResponse,
    "/v1/rerank": V2RerankResponse,
}


def judge(kind, value):
    """Fail for a value that a type does not take, or that has fields which it does not know."""
    pydantic.TypeAdapter(kind).validate_python(value)
    assert not list(unknown(construct_type(type_=kind, object_=value)))


def unknown(value):
    """Yield the fields that nobody knows."""
    if isinstance(value, pydantic.BaseModel):
        yield from value.model_extra or ()
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from unknown(each)


def parameters(method):
    """Return what a method of the client takes, by name."""
    function = getattr(V2Client, method)
    hints = typing.get_type_hints(function, include_extras=True)
    names = [name for name in inspect.signature(function).parameters if name not in {"self", "request_options"}]
    return {name: hints[name] for name in names}


@pytest.mark.parametrize("case", golden("cohere", having="sent"))
def test_a_request_is_what_the_client_takes(case):
    taken = parameters(METHODS[case.facts["endpoint"]])
    for name, value in case.sent.items():
        if name != "stream":
            assert name in taken
            judge(taken[name], value)


@pytest.mark.parametrize("case", golden("cohere", having="came"))
def test_an_answer_is_what_the_client_reads(case):
    judge(ANSWERS[case.facts["endpoint"]], case.came)


@pytest.mark.parametrize("case", golden("cohere", having="sent"))
def test_the_client_sends_what_we_send(case):
    calls = []

    def answered(request):
        calls.append(request)
        return httpx.Response(500, json={"message": "no"})

    client = cohere.ClientV2("sk-any", httpx_client=httpx.Client(transport=httpx.MockTransport(answered)))
    with pytest.raises(cohere.InternalServerError):
        getattr(client, METHODS[case.facts["endpoint"]])(**case.sent, request_options={"max_retries": 0})
    (call,) = calls
    assert (call.method, str(call.url)) == ("POST", case.facts["sent"]["url"])
    assert {name: value for name, value in json.loads(call.content).items() if name != "stream"} == case.sent


def test_the_judge_has_teeth():
    taken = parameters("chat")
    judge(taken["messages"], [{"role": "user", "content": "Why?"}])
    with pytest.raises(ValueError, match="validation error"):
        judge(taken["max_tokens"], "many")
    with pytest.raises(AssertionError):
        judge(taken["messages"], [{"role": "user", "content": "Why?", "name": "me"}])
