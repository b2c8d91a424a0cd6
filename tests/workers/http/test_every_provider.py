"""Every row of the catalogue, as it arrives: method, URL, credential, renamed parameters, and no other host."""

import csv
import json
import re
from urllib.parse import urlsplit

import httpx
import pytest

from headgate.routing.http import HttpCall
from headgate.routing.providers.auth import authorized
from headgate.routing.providers.families import FAMILIES
from headgate.routing.providers.family import url_of
from headgate.routing.service import Auth
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from headgate.workers.http.caller import Caller
from support.checkout import ROOT
from support.providers import OPTIONS, ROWS, SPOKEN, secret_of, target_of

FACTS = ROOT.parent / "shared" / "providers" / "catalogue.csv"
#: What OpenAI's wire calls the endpoints, where a row does not say otherwise.
USUAL = {endpoint: endpoint.value.removeprefix("/v1") for endpoint in Endpoint}
SHOWN = {
    Auth.BEARER: {"authorization": "Bearer {}"},
    Auth.GOOGLE: {"authorization": "Bearer {}"},
    Auth.X_API_KEY: {"x-api-key": "{}"},
    Auth.API_KEY: {"api-key": "{}"},
    Auth.X_GOOG_API_KEY: {"x-goog-api-key": "{}"},
    Auth.API_SUBSCRIPTION_KEY: {"authorization": "Bearer {}", "api-subscription-key": "{}"},
}
#: A body whose every parameter some provider calls otherwise, or does not take.
BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "max_completion_tokens": 7,
    "seed": 1,
    "n": 1,
    "tool_choice": "required",
    "store": True,
}
#: What the other endpoints cannot work without.
OTHERS = {
    "model": "m",
    "input": "hi",
    "prompt": "a cat",
    "query": "which?",
    "documents": ["this"],
    "file": "data:audio/mpeg;base64,aGk=",
}


def request_of(endpoint):
    body = json.dumps(BODY if endpoint is Endpoint.CHAT else OTHERS).encode()
    return Request("r", endpoint, "m", body, "k", Lane.STANDARD, "t", 0, 0)


async def arrived(call):
    """The request that a provider would see."""
    seen = []

    async def answer(request):
        seen.append(request)
        return httpx.Response(200, json={})

    await Caller(httpx.MockTransport(answer)).call(call, 5)
    (request,) = seen
    await request.aread()
    return request


def encoded(name, endpoint):
    """The call of a family that exists; of another, an empty one to where it would go."""
    target = target_of(name, drop=["*"])
    if target.wire in FAMILIES and endpoint in USUAL:
        call = FAMILIES[target.wire].encode(request_of(endpoint), target)
    else:
        url = url_of(request_of(endpoint), target, SPOKEN[target.wire].paths, "org%2Fmodel-1")
        call = url if isinstance(url, Failure) else HttpCall(url, (), b"{}")
    return call, target


def filled(text):
    return re.sub(r"\{(\w+)\}", lambda match: OPTIONS.get(match[1], match[0]), text)


def url_in_row(row, endpoint):
    """Where the row says that a call goes; None: the wire family knows."""
    path = row.paths.get(endpoint.name.lower()) or (USUAL.get(endpoint) if row.wire == "openai" else None)
    if path is None:
        return None
    url = filled(path if path.startswith("http") else row.base_url + path).replace("{model}", "org%2Fmodel-1")
    return f"{url}?{'&'.join(f'{name}={value}' for name, value in row.query.items())}" if row.query else url


def hosts_of(row):
    urls = [filled(row.base_url), *(path for path in row.paths.values() if path.startswith("http"))]
    return {urlsplit(url).netloc for url in urls}


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_is_called_as_it_says(name):
    row = ROWS[name]
    served = [each for each in SPOKEN[row.wire].paths if each.name.lower() in row.endpoints]
    assert served
    for endpoint in served:
        call, target = encoded(name, endpoint)
        assert not isinstance(call, Failure), call
        request = await arrived(authorized(call, target.service.auth, secret_of(name), target.service.headers))
        assert request.method == "POST"
        assert str(request.url) == (url_in_row(row, endpoint) or str(request.url))
        assert request.url.netloc.decode() in hosts_of(row)
        assert request.headers["host"] == request.url.netloc.decode()
        assert where_shown(request, secret_of(name)) == {
            header: value.format(secret_of(name)) for header, value in SHOWN[row.auth].items()
        }


def where_shown(request, secret):
    """All places of a request that show the secret."""
    assert secret not in str(request.url)
    assert secret not in request.content.decode()
    return {header: value for header, value in request.headers.items() if secret in value}


@pytest.mark.parametrize("name", ROWS)
def test_an_endpoint_that_a_row_does_not_list_is_refused(name):
    for endpoint in Endpoint:
        call, _ = encoded(name, endpoint)
        if endpoint.name.lower() not in ROWS[name].endpoints:
            assert isinstance(call, Failure), call
            assert call.code is Code.UNSUPPORTED_ENDPOINT


@pytest.mark.parametrize(
    "name", [name for name, row in ROWS.items() if row.wire == "openai" and "chat" in row.endpoints]
)
def test_parameters_arrive_as_the_provider_calls_them(name):
    row = ROWS[name]
    call, _ = encoded(name, Endpoint.CHAT)
    got = json.loads(call.body)
    for parameter in BODY:
        there = row.rename.get(parameter, parameter)
        assert (there in got) is (parameter not in row.unsupported or parameter in row.fixed), parameter
    assert got["model"] == "org/model-1"
    assert {"max_tokens", "max_completion_tokens"} & set(got) == {
        row.rename.get("max_completion_tokens", "max_completion_tokens")
    }
    assert {parameter: json.dumps(got[parameter]) for parameter in row.fixed} == row.fixed
    left_out = {note.split()[2].rstrip(":") for note in call.notes}
    assert left_out == (row.unsupported & set(BODY)) - {"n"}


def test_mistral_gets_mistrals_words():
    got = json.loads(encoded("mistral", Endpoint.CHAT)[0].body)
    assert (got["random_seed"], got["max_tokens"], got["tool_choice"]) == (1, 7, "any")


def captured():
    """What clients of others were seen to call, by id."""
    if not FACTS.is_file():
        return {}
    with FACTS.open(encoding="utf-8") as file:
        return {fact["id"]: fact["chat_url_seen"] for fact in csv.DictReader(file) if fact["chat_url_seen"]}


#: Where a row decides against the client that was watched, as docs/providers.md tells.
DECIDED = {
    "azure": "the version-less API needs no deployment in the path",
    "azure-ai": "the version is in the query",
    "deepseek": "/beta is not the documented base",
    "gemini": "v1beta, not v1alpha",
    "github-models": "the newer host",
    "helicone": "with the version",
    "nebius": "the newer host",
    "novita": "the newer path",
    "tencent-tokenhub": "the host within China; the international one is a base_url away",
    "together": ".xyz, which three sources have",
}


@pytest.mark.parametrize("name", [name for name in ROWS if name not in DECIDED])
def test_the_url_is_the_one_that_others_were_seen_to_call(name):
    if not FACTS.is_file():
        pytest.skip(f"the gathered facts are not there: {FACTS}")
    seen = captured().get(name)
    if seen is None:
        return
    model = "anthropic.claude-3-5-sonnet-20240620-v1%3A0" if name == "bedrock" else "test-model"
    target = target_of(name, model)
    url = url_of(request_of(Endpoint.CHAT), target, SPOKEN[target.wire].paths, model)
    assert url == seen


def test_every_decision_is_still_one():
    if not FACTS.is_file():
        pytest.skip(f"the gathered facts are not there: {FACTS}")
    for name in DECIDED:
        target = target_of(name, "test-model")
        assert url_of(request_of(Endpoint.CHAT), target, SPOKEN[target.wire].paths, "test-model") != captured()[name]
