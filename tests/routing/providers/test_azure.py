"""Azure's OpenAI beyond its golden files: addresses, the prompt filter, and what a config gets wrong."""

import json

import pytest

from headgate.routing.http import HttpCall
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.azure import FAMILY
from headgate.routing.providers.resolve import Resolved, Unresolved, resolve
from headgate.routing.service import Auth, Service
from headgate.schemas.config_providers import Provider
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint
from support.provider_errors import openai as said
from support.wire import asked, came, to

WIRE = "azure-openai"
HELLO = {"model": "small", "messages": [{"role": "user", "content": "Hello"}]}
VERSION = {"api-version": "2024-10-21"}


def url_at(base_url, endpoint=Endpoint.CHAT, model="my gpt/4:1"):
    query = () if base_url.endswith("/v1") else tuple(VERSION.items())
    body = HELLO if endpoint is Endpoint.CHAT else {"model": "small", "input": "Hello"}
    call = FAMILY.encode(asked(body, endpoint), to(WIRE, model, base_url=base_url, service=Service(query=query)))
    assert isinstance(call, HttpCall)
    assert json.loads(call.body)["model"] == model
    return call.url.removeprefix("https://res.openai.azure.com").removesuffix("?api-version=2024-10-21")


@pytest.mark.parametrize(
    ("base", "endpoint", "path"),
    [
        ("/openai/v1", Endpoint.CHAT, "/openai/v1/chat/completions"),
        ("/openai/v1", Endpoint.RESPONSES, "/openai/v1/responses"),
        ("", Endpoint.CHAT, "/openai/deployments/my%20gpt%2F4%3A1/chat/completions"),
        ("/openai", Endpoint.CHAT, "/openai/deployments/my%20gpt%2F4%3A1/chat/completions"),
        ("/openai", Endpoint.EMBEDDINGS, "/openai/deployments/my%20gpt%2F4%3A1/embeddings"),
        ("/openai", Endpoint.RESPONSES, "/openai/responses"),
        ("/openai/deployments/its-own", Endpoint.CHAT, "/openai/deployments/its-own/chat/completions"),
        ("/openai/deployments/its-own", Endpoint.RESPONSES, "/openai/responses"),
    ],
)
def test_a_deployment_is_found_at_either_kind_of_address(base, endpoint, path):
    assert url_at(f"https://res.openai.azure.com{base}", endpoint) == path


def resolved(**told):
    found = resolve("azure", Provider(**{"api_key": "k", **told}))
    assert isinstance(found, Resolved), found
    return found


def test_the_catalogues_row_speaks_the_present_wire_with_its_own_header():
    found = resolved(options={"resource": "res"})
    assert (found.wire, found.base_url, found.service.auth) == (
        WIRE,
        "https://res.openai.azure.com/openai/v1",
        Auth.API_KEY,
    )
    assert found.service.paths[Endpoint.CHAT] == "/chat/completions"


def test_a_config_may_ask_for_a_dated_address():
    found = resolved(base_url="https://res.openai.azure.com/openai", query=VERSION)
    target = to(WIRE, "gpt", base_url=found.base_url, service=found.service)
    call = FAMILY.encode(asked(HELLO), target)
    assert call.url == "https://res.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"


def test_a_dated_address_without_a_version_is_an_error_of_the_config():
    assert resolve("azure", Provider(api_key="k", base_url="https://res.openai.azure.com")) == Unresolved(
        ("providers.azure.query: expected api-version, or a base_url that ends with /openai/v1, got neither",)
    )


def test_an_endpoint_that_is_not_served_is_refused_at_a_dated_address_too():
    found = resolved(base_url="https://res.openai.azure.com", query=VERSION, endpoints=["chat"])
    target = to(WIRE, "gpt", base_url=found.base_url, service=found.service)
    got = FAMILY.encode(asked({"model": "small", "input": "a"}, Endpoint.EMBEDDINGS), target)
    assert isinstance(got, Failure)
    assert got.code is Code.UNSUPPORTED_ENDPOINT


#: The body of a prompt that Azure's filter stops.
STOPPED = said(
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    code="content_filter",
    param="prompt",
    status=400,
    innererror={
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
    },
)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, STOPPED, Code.CONTENT_POLICY),
        (400, said("no", "invalid_request_error", "content_filter"), Code.CONTENT_POLICY),
        (404, said("The API deployment for this resource does not exist.", code="DeploymentNotFound"), None),
        (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing."}, Code.AUTHENTICATION),
        (429, said("Requests have exceeded the token rate limit", code="429"), Code.RATE_LIMITED),
    ],
)
def test_azures_errors_are_told_apart_whatever_the_provider_is_called(status, body, code):
    got = FAMILY.decode(came(body, status, retry_after_ms="1500"), asked(HELLO), to(WIRE, "gpt", provider="mine"))
    assert isinstance(got, Setback)
    assert (got.failure.code, got.retry_after) == (code or Code.UPSTREAM_NOT_FOUND, 1.5)


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter", "function_call"])
def test_every_documented_end_of_an_answer_is_one(finish):
    choice = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": finish}
    got = FAMILY.decode(came({"id": "c", "choices": [choice]}), asked(HELLO), to(WIRE, "gpt"))
    assert isinstance(got, Completion)


def test_an_end_that_nobody_knows_is_a_failure():
    choice = {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "tired"}
    got = FAMILY.decode(came({"id": "c", "choices": [choice]}), asked(HELLO), to(WIRE, "gpt"))
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE
