"""Every golden file of a wire family, both ways."""

import json

import msgspec
import pytest

from headgate.routing.providers.families import FAMILIES
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint
from support.golden import BASES, golden
from support.wire import openai_schema

ALL = golden(*BASES)
ANSWERS = [case for case in ALL if "came" in case.facts]
COMPONENTS = {
    Endpoint.CHAT: "CreateChatCompletionResponse",
    Endpoint.EMBEDDINGS: "CreateEmbeddingResponse",
    Endpoint.MODERATIONS: "CreateModerationResponse",
    Endpoint.IMAGES: "ImagesResponse",
}
REQUESTS = {Endpoint.MODERATIONS: "CreateModerationRequest", Endpoint.IMAGES: "CreateImageRequest"}


def named(cases):
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("case", named(ALL))
def test_a_request_becomes_what_its_golden_file_says(case):
    call = FAMILIES[case.family].encode(case.request, case.target)
    if "refused" in case.facts:
        assert isinstance(call, Failure)
        assert call.code is Code.UNSUPPORTED_PARAMETER
        assert call.given == case.facts["refused"]["given"]
    else:
        sent = {
            "url": call.url,
            "headers": dict(call.headers),
            "body": json.loads(call.body),
            "notes": list(call.notes),
        }
        assert sent == case.facts["sent"]


#: Kinds of tokens that golden files always name; the others where there are some.
USUAL = frozenset({"input", "cached", "cache_write", "output", "reasoning"})


@pytest.mark.parametrize("case", named(ANSWERS))
def test_an_answer_becomes_what_its_golden_file_says(case):
    got = FAMILIES[case.family].decode(case.reply, case.request, case.target)
    said = {
        "body": json.loads(got.body),
        "request_id": got.request_id,
        "tokens": got.tokens and counted(got.tokens),
        "tier": got.tier,
    }
    assert said == case.facts["answer"]
    assert b"\n" not in got.body


def counted(tokens):
    return {name: count for name, count in msgspec.to_builtins(tokens).items() if count or name in USUAL}


#: The document knows vectors as numbers alone, OpenAI's clients ask for Base64.
DOCUMENTED = [
    case for case in ANSWERS if case.endpoint in COMPONENTS and case.facts["request"].get("encoding_format") != "base64"
]


@pytest.mark.parametrize("case", named(DOCUMENTED))
def test_an_answer_is_one_of_openais(case):
    schema = openai_schema(COMPONENTS[case.endpoint])
    if schema is None:
        pytest.skip("OpenAI's OpenAPI document is absent")
    got = FAMILIES[case.family].decode(case.reply, case.request, case.target)
    schema.validate(json.loads(got.body))


@pytest.mark.parametrize("case", named(case for case in ALL if case.family == "openai" and case.endpoint in REQUESTS))
def test_what_is_sent_to_openai_is_what_its_document_says(case):
    schema = openai_schema(REQUESTS[case.endpoint])
    if schema is None:
        pytest.skip("OpenAI's OpenAPI document is absent")
    schema.validate(case.facts["sent"]["body"])


def test_every_family_but_openais_has_a_rich_request():
    assert {case.family for case in ALL if case.name.endswith("-rich")} == FAMILIES.keys() - {"openai"}
