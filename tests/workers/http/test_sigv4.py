"""Signatures for AWS: against AWS's own examples, and against the rules of Signature Version 4 written down once more.

The examples are those of AWS's test suite for Signature Version 4, `post-vanilla`, `post-sts-header-before` and
`post-x-www-form-urlencoded`, as public implementations of the signature carry them in their tests.
"""

import hashlib
import hmac
import sys
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpCall
from headgate.routing.providers.auth import authorized
from headgate.routing.providers.aws import keys_of, region_of
from headgate.routing.providers.families import FAMILIES
from headgate.routing.providers.resolve import Resolved, Unresolved, resolve
from headgate.routing.service import Auth
from headgate.schemas.config import Config
from headgate.schemas.config_providers import Provider
from headgate.schemas.failures import Code, Failure
from headgate.workers.assembly import NotConfigured, make_signer
from headgate.workers.gateway.calling import NoSigner
from headgate.workers.http.caller import Caller
from headgate.workers.http.sigv4 import SigV4, load_sigv4
from headgate.workers.http.transport import AiohttpTransport
from support.wire import asked, to

SIGNER = load_sigv4()
ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+token/=="
THEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
BEDROCK = "https://bedrock-runtime.eu-west-1.amazonaws.com"
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
JSON = (("Content-Type", "application/json"),)


def signed(call, secret=f"{ID}:{SECRET}", region="us-east-1", at=THEN, signer=SIGNER):
    got = signer.signed(call, secret, region, at)
    assert isinstance(got, HttpCall), got
    return got


def signature(call):
    return dict(call.headers)["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ((), b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            (("Content-Type", "application/x-www-form-urlencoded"),),
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_a_signature_is_the_one_that_aws_publishes(headers, body, expected):
    signer = SigV4(SIGNER.request, SIGNER.auth, "service")
    assert signature(signed(HttpCall("https://example.amazonaws.com/", headers, body), signer=signer)) == expected


def computed(call, region, at, token=None):
    """The Authorization header, by the rules: each part of the path is encoded once more, and headers are sorted."""
    url = urlsplit(call.url)
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    named = {"content-type": "application/json", "host": url.netloc, "x-amz-date": stamp}
    if token:
        named["x-amz-security-token"] = token
    lines = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
    payload = hashlib.sha256(call.body).hexdigest()
    canonical = f"POST\n{quote(url.path)}\n\n{lines}\n{';'.join(sorted(named))}\n{payload}"
    scope = f"{stamp[:8]}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    made = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={';'.join(sorted(named))}, Signature={made}"


@given(
    st.text("abcz09-._:/", min_size=1, max_size=40).map("a".__add__),
    st.binary(max_size=200),
    st.integers(1_400_000_000, 4_000_000_000),
    st.sampled_from(["us-east-1", "eu-central-2", "us-gov-west-1"]),
    st.sampled_from([None, TOKEN]),
)
def test_a_signature_is_what_the_rules_say_for_every_model_body_time_and_region(model, body, at, region, token):
    call = HttpCall(f"{BEDROCK}/model/{quote(model, safe='')}/converse", (*JSON, ("X-Headgate-Request", "r")), body)
    secret = ":".join(filter(None, (ID, SECRET, token)))
    got = signed(call, secret, region, at)
    assert dict(got.headers)["Authorization"] == computed(call, region, at, token)
    assert dict(got.headers).get("X-Amz-Security-Token") == token
    assert (got.url, got.body, got.headers[-2:]) == (call.url, call.body, call.headers)


def test_a_later_attempt_has_a_later_signature():
    call = HttpCall(f"{BEDROCK}/model/m/converse", JSON, b"{}")
    first, second = signed(call, at=THEN), signed(call, at=THEN + 1)
    assert dict(first.headers)["X-Amz-Date"] == "20150830T123600Z"
    assert dict(second.headers)["X-Amz-Date"] == "20150830T123601Z"
    assert signature(first) != signature(second)


def test_the_secret_and_the_token_are_in_nothing_that_is_shown():
    got = signed(HttpCall(f"{BEDROCK}/model/m/converse", JSON, b"{}"), f"{ID}:{SECRET}:{TOKEN}")
    assert SECRET not in str(got.headers) + got.url + repr(got) + repr(keys_of(f"{ID}:{SECRET}:{TOKEN}"))
    assert TOKEN not in repr(got) + repr(keys_of(f"{ID}:{SECRET}:{TOKEN}"))


@pytest.mark.parametrize("secret", ["", "sk-alone", f"{ID}:", f":{SECRET}", f"{ID}:{SECRET}:", "a:b:c:d", "a: b"])
def test_a_secret_of_another_form_is_refused_without_being_told(secret):
    got = SIGNER.signed(HttpCall(f"{BEDROCK}/m", JSON, b""), secret, "us-east-1", THEN)
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.AUTHENTICATION, "a credential of another form")
    assert "ACCESS_KEY_ID:SECRET" in got.expected


def test_a_call_for_no_region_is_refused():
    got = SIGNER.signed(HttpCall("https://proxy.example/m", JSON, b""), f"{ID}:{SECRET}", "", THEN)
    assert (got.code, got.given) == (Code.AUTHENTICATION, "no region")


# --- what is signed arrives as it was signed --------------------------------------------------------------------------


async def test_a_signed_call_arrives_as_it_was_signed():
    seen = []

    async def answer(request):
        seen.append((request.raw_path, dict(request.headers), await request.read()))
        return web.json_response({})

    server = web.AppRunner(application := web.Application())
    application.router.add_route("*", "/{tail:.*}", answer)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{server.addresses[0][1]}"
    try:
        call = FAMILIES["bedrock-converse"].encode(
            asked({"messages": [{"role": "user", "content": "Grüße"}]}), to("bedrock-converse", MODEL, base_url=base)
        )
        call = authorized(call, Auth.SIGV4, f"{ID}:{SECRET}", (("X-Client-Request-Id", "a"),))
        async with AiohttpTransport(connections=1) as transport:
            await Caller(transport).call(signed(call, f"{ID}:{SECRET}:{TOKEN}", "eu-west-1"), 5)
    finally:
        await server.cleanup()
    ((path, headers, body),) = seen
    assert path == f"/model/{MODEL.replace(':', '%3A')}/converse"
    arrived = HttpCall(f"http://{headers['Host']}{path}", (), body)
    assert headers["Authorization"] == computed(arrived, "eu-west-1", THEN, headers["X-Amz-Security-Token"])


# --- the config -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "options", "region"),
    [
        (BEDROCK, {}, "eu-west-1"),
        (BEDROCK, {"region": "us-east-2"}, "us-east-2"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", {}, "us-gov-west-1"),
        ("https://vpce-1-a.bedrock-runtime.us-west-2.vpce.amazonaws.com", {}, "us-west-2"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn/", {}, "cn-north-1"),
        ("https://proxy.example/bedrock-runtime.us-east-1.x", {}, None),
        ("http://127.0.0.1:8000", {}, None),
    ],
)
def test_the_region_is_the_configs_or_the_hosts(base_url, options, region):
    assert region_of(base_url, options) == region


def test_the_catalogues_row_is_signed_for_the_region_of_its_address():
    found = resolve("bedrock", Provider(auth="sigv4", api_key=f"{ID}:{SECRET}", options={"region": "eu-west-1"}))
    assert isinstance(found, Resolved)
    assert (found.base_url, found.service.auth) == (BEDROCK, Auth.SIGV4)
    assert region_of(found.base_url, found.service.options) == "eu-west-1"


def test_an_address_that_tells_no_region_needs_one_in_the_config():
    told = {"wire": "bedrock-converse", "auth": "sigv4", "api_key": "a:b", "base_url": "https://proxy.example"}
    assert resolve("mine", Provider(**told)) == Unresolved(
        ("providers.mine.options: expected region, which calls to https://proxy.example are signed for, got none",)
    )
    assert isinstance(resolve("mine", Provider(**told, options={"region": "us-east-1"})), Resolved)


def config(**provider):
    options = {"region": "us-east-1"}
    return Config.model_validate({"providers": {"bedrock": {"api_key": "a:b", "options": options, **provider}}})


@pytest.fixture
def without_botocore(monkeypatch):
    """As if the extra `headgate[bedrock]` were not installed."""
    monkeypatch.setitem(sys.modules, "botocore.awsrequest", None)
    monkeypatch.setitem(sys.modules, "botocore.auth", None)


def test_a_worker_loads_what_signs_where_somebody_wants_it():
    assert isinstance(make_signer(config(auth="sigv4")), SigV4)
    assert isinstance(make_signer(config()), NoSigner)


def test_a_worker_does_not_start_without_what_it_needs_and_says_what_that_is(without_botocore):
    assert isinstance(make_signer(config()), NoSigner)
    with pytest.raises(NotConfigured, match=r"providers\.bedrock: .*pip install 'headgate\[bedrock\]'"):
        make_signer(config(auth="sigv4"))


def test_who_signs_nothing_refuses_with_a_sentence():
    got = NoSigner().signed(HttpCall(BEDROCK, (), b""), f"{ID}:{SECRET}", "us-east-1", THEN)
    assert got.code is Code.AUTHENTICATION
    assert "pip install 'headgate[bedrock]'" in got.expected
