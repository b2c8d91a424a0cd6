"""Reading OpenAI's chat bodies, and what becomes of parameters that a provider has no words for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.providers.chat import ChatBody
from headgate.routing.providers.chat_parts import Inline, arguments, inline, texts, tool_use
from headgate.routing.providers.native import read_chat
from headgate.routing.providers.unmet import Unmet, asks
from headgate.routing.service import ParameterRules, Service
from headgate.schemas.failures import Code, Failure
from support.wire import OPENAPI, asked, to

HELLO = [{"role": "user", "content": "Hello"}]
#: Of Headgate's own: what clients of other providers send beside OpenAI's fields.
OWN = {"top_k", "documents", "citation_options", "safety_mode"}
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("add", "look_up")]


def read(body, **changes):
    target = to("x", "m", **changes)
    unmet = Unmet(target)
    return read_chat(asked({"messages": HELLO, **body}), target, unmet), unmet


def _parameters(schemas, schema):
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
    yield from schema.get("properties", {})
    for part in schema.get("allOf", ()):
        yield from _parameters(schemas, part)


@pytest.mark.skipif(not OPENAPI.exists(), reason="OpenAI's OpenAPI document is absent")
def test_the_body_has_a_place_for_every_parameter_that_openai_documents():
    schemas = json.loads(OPENAPI.read_bytes())["components"]["schemas"]
    known = set(_parameters(schemas, schemas["CreateChatCompletionRequest"]))
    assert known | OWN == set(ChatBody.__struct_fields__)


def test_a_field_that_nobody_documents_is_refused_by_name():
    got, unmet = read({"top_q": 1, "n": 2})
    unmet.only(got, frozenset({"messages", "model"}))
    assert (unmet.failure().code, unmet.failure().given) == (Code.UNSUPPORTED_PARAMETER, "top_q, n")


def test_a_field_that_nobody_documents_is_left_out_where_the_config_allows_it():
    got, unmet = read({"top_q": 1}, drop=["top_q"])
    assert isinstance(got, ChatBody)
    assert unmet.notes == ["left out top_q: x takes no such parameter"]


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "colour": "red"}]}]},
        {"messages": [{"role": "function", "name": "f", "content": "1"}]},
        {"messages": [{"role": "user"}]},
        {"tools": [{"type": "custom", "custom": {"name": "c"}}]},
        {"temperature": "hot"},
        {"messages": "hello"},
    ],
)
def test_what_has_no_place_is_refused_with_its_place(body):
    got, _ = read(body, drop=["*"])
    assert isinstance(got, Failure)
    assert got.code is Code.UNSUPPORTED_PARAMETER
    assert "$" in got.given


def test_the_routes_overrides_are_read_as_if_the_body_had_them():
    got, _ = read({"seed": 1, "n": 2}, params=(("seed", b"7"), ("n", b"null")))
    assert (got.seed, got.n) == (7, None)


def test_schemas_and_arguments_stay_as_they_came():
    schema = b'{ "type" : "object", "x": 1e400, "y": 0.10 }'
    body = b'{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":' + schema + b"}}]}"
    target = to("x", "m")
    got = read_chat(asked(body), target, Unmet(target))
    assert bytes(got.tools[0].function.parameters) == schema


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, (["add", "look_up"], "auto", None)),
        ("auto", (["add", "look_up"], "auto", None)),
        ("none", (["add", "look_up"], "none", None)),
        ("required", (["add", "look_up"], "required", None)),
        ({"type": "function", "function": {"name": "add"}}, (["add", "look_up"], "required", "add")),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": TOOLS[1:]}},
            (["look_up"], "required", None),
        ),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": TOOLS[:1]}}, (["add"], "auto", None)),
    ],
)
def test_every_form_of_a_tool_choice_is_read(choice, expected):
    chat, unmet = read({"tools": TOOLS, "tool_choice": choice})
    use = tool_use(chat, unmet)
    assert ([each.name for each in use.functions], use.mode, use.name) == expected
    assert unmet.failure() is None


@pytest.mark.parametrize("body", [{"tool_choice": "required"}, {"tools": TOOLS, "tool_choice": "sometimes"}])
def test_a_tool_choice_that_cannot_be_made_is_refused(body):
    chat, unmet = read(body)
    tool_use(chat, unmet)
    assert unmet.failure().given == "tool_choice"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", b"{}"), (" ", b"{}"), ('{"a": 1.50}', b'{"a": 1.50}'), ("[]", None), ("{", None), ('{"a":\ud800}', None)],
)
def test_arguments_are_a_json_object(text, expected):
    unmet = Unmet(to("x", "m", drop=["*"]))
    got = bytes(arguments(text, unmet))
    assert got == (expected or b"{}")
    assert (unmet.failure() is None) == (expected is not None)


def test_texts_are_the_parts_that_say_something():
    chat, unmet = read(
        {"messages": [{"role": "system", "content": [{"type": "text", "text": t} for t in ("a", "", "b")]}]}
    )
    assert [part.text for part in texts(chat.messages[0].content, unmet, "system")] == ["a", "b"]
    assert texts("", unmet, "system") == texts(None, unmet, "system") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/PNG;base64,AAAA", Inline("image/png", "AAAA")),
        ("data:text/plain;charset=utf-8;base64,AA==", Inline("text/plain", "AA==")),
        ("data:image/png,AAAA", None),
        ("data:image/png;base64", None),
        ("https://example.org/a.png", None),
        ("blob:image/png;base64,AAAA", None),
    ],
)
def test_a_data_url_is_read(url, expected):
    assert inline(url) == expected


def test_what_openai_does_anyway_asks_for_nothing():
    idle = {"n": 1, "logprobs": False, "presence_penalty": 0.0, "store": False, "logit_bias": {}, "user": None}
    chat, unmet = read(idle)
    unmet.only(chat, frozenset({"messages", "model"}))
    assert unmet.failure() is None
    assert not asks("user", None)


def test_what_is_not_honoured_is_refused_all_at_once():
    chat, unmet = read({"n": 2, "seed": 1, "logit_bias": {"1": 2}}, drop=["seed"])
    unmet.only(chat, frozenset({"messages", "model"}))
    assert unmet.failure().given == "n, logit_bias"
    assert unmet.notes == ["left out seed: x takes no such parameter"]


def test_the_rules_of_a_provider_go_before_those_of_its_wire():
    rules = ParameterRules(unsupported=frozenset({"seed"}), ranges={"temperature": (0.1, 0.9)})
    chat, unmet = read({"seed": 1, "temperature": 1}, service=Service(rules=rules))
    unmet.only(chat, frozenset({"messages", "model", "seed", "temperature"}))
    assert unmet.within("temperature", chat.temperature, 0, 2) is None
    assert unmet.failure().given == "seed, temperature"


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_raises(body):
    target = to("x", "m")
    assert isinstance(read_chat(asked(body), target, Unmet(target)), ChatBody | Failure)
