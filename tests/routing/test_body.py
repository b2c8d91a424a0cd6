"""What a route overrides of a request's body."""

import json

from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.providers.body import as_sent, body_for, overridden, params_of
from headgate.routing.providers.openai import encode
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support.gateways import target

VALUES = st.recursive(st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=3)
FIELDS = st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES, max_size=4)


def request(fields, model="small"):
    body = json.dumps({"model": model, **fields}).encode()
    return Request("r1", Endpoint.CHAT, model, body, "local", Lane.STANDARD, "t", 10**13, 0)


@given(FIELDS, FIELDS)
def test_what_is_overridden_is_the_route_s_and_the_rest_as_it_came(fields, params):
    got = json.loads(body_for(request(fields), target(params=params_of(params))))
    assert got == {"model": "small", **fields, **params}


def test_null_takes_a_field_out():
    got = overridden(request({"seed": 1, "temperature": 0}), target(params=params_of({"seed": None, "top_p": None})))
    assert set(got) == {"model", "temperature"}


def test_a_call_of_the_openai_wire_has_the_overrides_and_the_deployment_s_model():
    sent = encode(request({"temperature": 1}), target(params=params_of({"temperature": 0, "user": "x"})))
    assert json.loads(sent.body) == {"model": "gpt-4o-mini", "temperature": 0, "user": "x"}


def test_a_body_that_names_the_upstream_model_is_overridden_too():
    sent = encode(request({}, "gpt-4o-mini"), target(params=params_of({"temperature": 0})))
    assert json.loads(sent.body) == {"model": "gpt-4o-mini", "temperature": 0}


def test_without_overrides_nothing_is_read_or_copied():
    asked = request({"temperature": 1})
    assert as_sent(asked, target()) is asked
    assert body_for(asked, target()) is asked.body


def test_what_an_override_may_cost_is_held():
    asked = request({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5})
    few, many = target("few"), target("many", params=params_of({"max_tokens": 5_000, "n": 2}))
    assert TokenEstimator().estimate(asked, few).worst_output == 5
    assert TokenEstimator().estimate(asked, many).worst_output == 10_000
