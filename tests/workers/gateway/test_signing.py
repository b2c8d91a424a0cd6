"""Calls that are signed: anew for each attempt, for their own provider alone, and with nothing told of the keys."""

import json
from urllib.parse import urlsplit

import pytest

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.service import Auth, Service
from headgate.schemas.failures import Code
from headgate.schemas.reply import Status
from headgate.workers.http.sigv4 import load_sigv4
from support.gateways import Bench, Provider, answered, chat, target

SIGNER = load_sigv4()
ID, KEY, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
HOST = "bedrock-runtime.eu-west-1.amazonaws.com"


def bedrock(name="b1", api_key=f"{ID}:{KEY}:{TOKEN}", **changes):
    return target(
        name,
        provider="bedrock",
        wire="bedrock-converse",
        upstream_model="amazon.nova-lite-v1:0",
        base_url=f"https://{HOST}",
        service=Service(auth=Auth.SIGV4),
        api_key=api_key,
        **changes,
    )


def said():
    body = {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
    }
    return HttpReply(200, {"x-amzn-requestid": "a-1"}, json.dumps(body).encode())


def refused(status, kind, message="no", **headers):
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(status, {"x-amzn-errortype": kind, **told}, json.dumps({"message": message}).encode())


def shown(call):
    return {name.lower(): value for name, value in call.headers}


def as_encoded(call):
    """A call without what signing adds."""
    added = {"authorization", "x-amz-date", "x-amz-security-token"}
    return HttpCall(call.url, tuple(each for each in call.headers if each[0].lower() not in added), call.body)


class Timed(Provider):
    """A provider that looks at the clock whenever it is called."""

    def __init__(self, *steps):
        super().__init__(*steps)
        self.times = []

    async def call(self, call, seconds):
        self.times.append(self.clock.now())
        return await super().call(call, seconds)


async def test_each_attempt_is_signed_as_of_its_own_time():
    provider = Timed(refused(429, "ThrottlingException", retry_after="5"), refused(503, "X", retry_after="7"), said())
    async with Bench(provider, targets=(bedrock(),), signer=SIGNER) as bench:
        provider.clock = bench.time
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.COMPLETED
    assert len({shown(call)["x-amz-date"] for call in provider.calls}) == 3
    for call, at in zip(provider.calls, provider.times, strict=True):
        signed = SIGNER.signed(as_encoded(call), f"{ID}:{KEY}:{TOKEN}", "eu-west-1", at)
        assert shown(call)["authorization"] == shown(signed)["authorization"]
        assert urlsplit(call.url).netloc == HOST


async def test_keys_go_to_no_other_provider():
    provider = Provider(refused(400, "ServiceQuotaExceededException"), answered())
    async with Bench(provider, targets=(bedrock(), target("o1")), signer=SIGNER) as bench:
        await bench.send(chat(1))
        await bench.replies(1)
    by_host = {urlsplit(call.url).netloc: shown(call) for call in provider.calls}
    assert by_host.keys() <= {HOST, "127.0.0.1:9"}
    for host, headers in by_host.items():
        ours = host == HOST
        assert (ID in str(headers), TOKEN in str(headers)) == (ours, ours)
        assert KEY not in str(headers)
        assert ("sk-very-secret" in str(headers)) is not ours


@pytest.mark.parametrize("quoted", [f"{ID}:{KEY}:{TOKEN}", KEY, f"x-amz-security-token:{TOKEN}", ID])
async def test_nothing_of_the_keys_leaves_even_if_the_provider_quotes_it(quoted):
    provider = Provider(refused(403, "InvalidSignatureException", f"The canonical string was {quoted}"))
    async with Bench(provider, targets=(bedrock(),), signer=SIGNER) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
        everything = repr(bench.bus.published) + repr(bench.gateway)
    assert reply.error.code is Code.AUTHENTICATION
    for secret in (ID, KEY, TOKEN):
        assert secret not in everything


@pytest.mark.parametrize("secret", ["sk-of-somebody", "sk-of-somebody:", "sk-of-somebody:a b"])
async def test_a_credential_that_holds_no_keys_is_refused_and_nothing_is_sent(secret):
    provider = Provider()
    async with Bench(provider, targets=(bedrock(api_key=secret),), signer=SIGNER) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.error.code, provider.calls) == (Code.AUTHENTICATION, [])
    assert reply.error.given == "a credential of another form"
    assert "sk-of-somebody" not in repr(bench.bus.published)


async def test_nothing_is_sent_unsigned_where_the_library_is_missing():
    provider = Provider()
    async with Bench(provider, targets=(bedrock(),)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert (reply.error.code, provider.calls) == (Code.AUTHENTICATION, [])
    assert "pip install 'headgate[bedrock]'" in reply.error.expected


async def test_a_key_of_bedrocks_is_a_bearer_token():
    provider = Provider(said())
    bearer = target(
        "b1",
        provider="bedrock",
        wire="bedrock-converse",
        upstream_model="amazon.nova-lite-v1:0",
        base_url=f"https://{HOST}",
        api_key="bedrock-api-key-1",
    )
    async with Bench(provider, targets=(bearer,)) as bench:
        await bench.send(chat(1))
        (reply,) = await bench.replies(1)
    assert reply.headgate.status is Status.COMPLETED
    assert shown(provider.calls[0])["authorization"] == "Bearer bedrock-api-key-1"
    assert "x-amz-date" not in shown(provider.calls[0])
