"""Endpoints that generate no text, through the gateway: where they go, what they cost, what is never free."""

import json

import pytest

from headgate.routing.http import HttpReply
from headgate.routing.prices import Price, Rates
from headgate.routing.service import Service
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.schemas.request import Endpoint
from headgate.schemas.usage import Outcome
from support.gateways import PRICE, Bench, Provider, chat, config_of, target

#: 2 million nano-dollars per search unit.
OF_UNITS = Price(Rates(0, 0, 0, 0, 0), "test 2", "test", unit=2 * 10**21, by_tokens=False)
RERANK = {"url": "/v1/rerank", "body": {"model": "small", "query": "q", "documents": ["a", "b"]}}
RANKED = {"results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 3.0}}}


def came(body):
    return HttpReply(200, {}, json.dumps(body).encode())


def cohere(name="d1", **changes):
    return target(name, provider="cohere", upstream_model="rerank-v3.5", wire="cohere", **changes)


async def asked(request, *targets, answers=(), **bench):
    provider = Provider(*(came(each) for each in answers))
    async with Bench(provider, targets=targets, **bench) as one:
        await one.send(chat(1, **request))
        (reply,) = await one.replies(1)
        return reply, one.events(), provider.calls


async def test_a_rerank_costs_its_search_units_to_the_last_nano_dollar():
    reply, (event,), _ = await asked(RERANK, cohere(price=OF_UNITS), answers=[RANKED])
    assert reply.headgate.status is Status.COMPLETED
    assert json.loads(bytes(reply.response.body))["results"] == RANKED["results"]
    assert (event.endpoint, event.outcome, event.units) == (Endpoint.RERANK, Outcome.SUCCEEDED, 3)
    assert reply.headgate.tokens.units == 3
    assert event.cost_nano == reply.headgate.cost_nano == 3 * 2_000_000


async def test_a_price_of_tokens_does_not_price_search_units_and_is_refused_before_the_call():
    reply, (event,), calls = await asked(RERANK, cohere(price=PRICE))
    assert (reply.headgate.status, reply.error.code) == (Status.REFUSED, Code.UNPRICED)
    assert event.outcome is Outcome.REFUSED
    assert not calls


async def test_what_is_allowed_without_a_price_is_not_billed_by_the_wrong_one():
    _, (event,), _ = await asked(RERANK, cohere(price=PRICE), answers=[RANKED], allow_unpriced=True)
    assert (event.outcome, event.units, event.cost_nano, event.price_version) == (Outcome.SUCCEEDED, 3, 0, "")


async def test_another_deployment_answers_where_the_first_has_no_price_for_it():
    reply, _, _ = await asked(
        RERANK,
        cohere("a", price=PRICE, weight=9),
        target("b", weight=0),
        answers=[{"results": [], "usage": {"total_tokens": 5}}],
    )
    assert reply.headgate.deployment == "b"
    assert reply.headgate.cost_nano == 5 * 2


IMAGES = {"url": "/v1/images/generations", "body": {"model": "small", "prompt": "a cat", "n": 2}}


async def test_units_that_turn_up_where_only_tokens_have_a_price_are_uncertain_and_not_free():
    _, (event,), _ = await asked(IMAGES, target(), answers=[{"data": [{"url": "u"}, {"url": "v"}]}])
    assert event.outcome is Outcome.UNCERTAIN
    assert event.units == 2
    assert event.cost_nano > 0


async def test_the_worst_case_of_units_is_held_in_a_budget_and_the_true_one_stays():
    held = []

    async def look():
        held.append(bench.held("key:k:usd/day"))
        return came(RANKED)

    config = config_of(keys=[{"id": "k", "budgets": [{"usd": 1, "per": "day"}]}])
    many = {**RERANK, "key": "k", "body": {**RERANK["body"], "documents": ["a"] * 301}}
    async with Bench(Provider(look), targets=(cohere(price=OF_UNITS),), config=config) as bench:
        await bench.send(chat(1, **many))
        await bench.replies(1)
        assert held == [4 * 2_000_000]
        assert bench.held("key:k:usd/day") == 3 * 2_000_000


@pytest.mark.parametrize("url", ["/v1/moderations", "/v1/images/generations", "/v1/audio/transcriptions", "/v1/rerank"])
async def test_an_endpoint_that_no_deployment_serves_is_answered_without_a_call(url):
    body = {
        "model": "small",
        "input": "a",
        "prompt": "a",
        "file": "data:audio/wav;base64,AAAA",
        "query": "q",
        "documents": ["a"],
    }
    only_chat = Service(paths={Endpoint.CHAT: "/chat/completions"})
    reply, _, calls = await asked({"url": url, "body": body}, target(service=only_chat))
    assert reply.error.code is Code.UNSUPPORTED_ENDPOINT
    assert not calls
