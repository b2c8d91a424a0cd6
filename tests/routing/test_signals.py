"""What response headers ask of a client."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.providers.signals import Allowance, Dimension, RateSignal, rate_signal, retry_after, should_retry

REQUESTS, TOKENS = Dimension.REQUESTS, Dimension.TOKENS
INPUT, OUTPUT = Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS
NOON = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)
DATE = "Sun, 22 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "10", "retry-after": "2"}, 0.01),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after": "2026-11-22T12:00:05Z", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 5.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "1 Jan 99999999999999 12:00:00 GMT"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_date_counts_from_the_clock_that_is_given():
    now = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)
    assert retry_after({"retry-after": "Sun, 22 Nov 2026 12:01:00 GMT"}, now) == 60.0


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_text_raises_or_asks_for_a_negative_wait(headers):
    seconds = retry_after(headers)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(("text", "word"), [("true", True), ("False", False), ("maybe", None), (None, None)])
def test_should_retry_is_the_providers_word_or_nothing(text, word):
    assert should_retry({} if text is None else {"x-should-retry": text}) is word


def x(limit, remaining, reset, name):
    return {
        f"x-ratelimit-limit{name}": limit,
        f"x-ratelimit-remaining{name}": remaining,
        f"x-ratelimit-reset{name}": reset,
    }


def anthropic(limit, remaining, reset, name):
    said = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"anthropic-ratelimit-{name}-{part}": value for part, value in said.items()}


#: By dialect: provider, headers, body, and what they say.
DIALECTS = {
    "OpenAI": (
        "openai",
        x("10000", "9999", "6ms", "-requests") | x("200000", "150000", "1m30.5s", "-tokens"),
        b"",
        [Allowance(REQUESTS, 9999, 10000, 0.006, 60.0), Allowance(TOKENS, 150000, 200000, 90.5, 60.0)],
        None,
    ),
    "Groq": (
        "groq",
        x("14400", "14370", "2m59.56s", "-requests") | x("18000", "17997", "7.66s", "-tokens") | {"retry-after": "2"},
        b"",
        [Allowance(REQUESTS, 14370, 14400, 179.56, 86400.0), Allowance(TOKENS, 17997, 18000, 7.66, 60.0)],
        2.0,
    ),
    "Azure's responses, which know nothing": (
        "azure-openai",
        x("-1", "-1", "0", "-requests") | x("-1", "-1", "0", "-tokens"),
        b"",
        [],
        None,
    ),
    "a limit of nothing": ("azure-openai", x("0", "0", "0", "-tokens"), b"", [], None),
    "Azure": (
        "azure-openai",
        x("60", "0", "10", "-requests") | {"retry-after-ms": "9876", "retry-after": "10"},
        b"",
        [Allowance(REQUESTS, 0, 60, 10.0)],
        9.876,
    ),
    "Anthropic": (
        "anthropic",
        {"date": DATE, "retry-after": "7"}
        | anthropic("50", "49", "2026-11-22T12:00:01Z", "requests")
        | anthropic("80000", "20000", "2026-11-22T12:00:45Z", "tokens")
        | anthropic("40000", "1000", "2026-11-22T12:00:58.5+00:00", "input-tokens")
        | anthropic("8000", "8000", "2026-11-22T11:59:59Z", "output-tokens"),
        b"",
        [
            Allowance(REQUESTS, 49, 50, 1.0, 60.0),
            Allowance(TOKENS, 20000, 80000, 45.0, 60.0),
            Allowance(INPUT, 1000, 40000, 58.5, 60.0),
            Allowance(OUTPUT, 8000, 8000, 0.0, 60.0),
        ],
        7.0,
    ),
    "Fireworks": (
        "fireworks",
        x("60000", "59000", "", "-tokens-prompt") | x("6000", "600", "", "-tokens-generated"),
        b"",
        [Allowance(INPUT, 59000, 60000), Allowance(OUTPUT, 600, 6000)],
        None,
    ),
    "DigitalOcean": (
        "digitalocean",
        {"date": DATE}
        | x("120", "60", str(int(NOON.timestamp()) + 30), "-requests")
        | x("1000000", "10", str(int(NOON.timestamp()) + 43200), "-tokens-per-day")
        | x("50000", "25000", str((int(NOON.timestamp()) + 15) * 1000), "-tokens-per-minute"),
        b"",
        [
            Allowance(REQUESTS, 60, 120, 30.0),
            Allowance(TOKENS, 10, 1000000, 43200.0, 86400.0),
            Allowance(TOKENS, 25000, 50000, 15.0, 60.0),
        ],
        None,
    ),
    "Mistral": ("mistral", {"x-ratelimit-remaining": "3"}, b"", [Allowance(REQUESTS, 3)], None),
    "OpenRouter": ("openrouter", {"retry-after": "30"}, b'{"error":{"code":429,"message":"slow"}}', [], 30.0),
    "Gemini": (
        "gemini",
        {"content-type": "application/json"},
        b"""[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "PerMinute"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"}]}}]""",
        [],
        37.5,
    ),
    "Gemini, without the list": ("gemini", {}, b'{"error":{"details":[{"retryDelay":"2s"}]}}', [], 2.0),
    "Bedrock": ("bedrock", {"x-amzn-requestid": "1"}, b'{"message":"Too many requests"}', [], None),
    "a proxy's milliseconds": ("", {"x-ms-retry-after-ms": "1500"}, b"", [], 1.5),
    "an unknown limit": ("openai", x("1", "1", "1s", "-images") | {"x-ratelimit-limit-requests": "5"}, b"", [], None),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_understood(dialect):
    provider, headers, body, allowances, wait = DIALECTS[dialect]
    assert rate_signal(headers, body, provider) == RateSignal(tuple(allowances), wait)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("250\u00b5s", 0.00025),
        ("1d", 86400.0),
        ("7.66s", 7.66),
        ("5", 5.0),
        ("0", None),
        ("0s", None),
        ("5x", None),
        ("s", None),
        ("-5s", None),
        ("", None),
        ("2026-11-22T12:00:09Z", 9.0),
        ("2026-11-22T12:00:09", 9.0),
        ("Sun, 22 Nov 2026 12:00:09 GMT", 9.0),
        ("20000101T000000", 0.0),
    ],
)
def test_a_reset_is_read_in_every_form(text, seconds):
    (found,) = rate_signal(x("10", "5", text, "-requests"), now=NOON).allowances
    assert found.reset == (None if seconds is None else pytest.approx(seconds))


def test_an_absolute_reset_counts_from_the_answers_own_date():
    headers = x("10", "5", "2026-11-22T12:00:09Z", "-requests")
    assert rate_signal(headers).allowances[0].reset is None
    assert rate_signal(headers, now=NOON).allowances[0].reset == 9.0
    assert rate_signal(headers | {"date": DATE}, now=NOON + dt.timedelta(days=1)).allowances[0].reset == 9.0


@pytest.mark.parametrize(
    ("remaining", "limit", "fraction"), [(5, 10, 0.5), (11, 10, 1.0), (0, 10, 0.0), (0, None, 0.0), (5, None, None)]
)
def test_a_fraction_is_known_where_there_is_a_limit_or_nothing_is_left(remaining, limit, fraction):
    assert Allowance(REQUESTS, remaining, limit).fraction == fraction


PARTS = ("limit", "remaining", "reset")
NAMES = [
    "date",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-remaining",
    *(f"x-ratelimit-{part}-{name}" for part in PARTS for name in ("requests", "tokens", "tokens-per-day", "")),
    *(f"anthropic-ratelimit-{name}-{part}" for part in PARTS for name in ("requests", "input-tokens", "")),
]
GARBAGE = (
    st.text(max_size=30)
    | st.from_regex(r"-?[0-9]{0,400}(\.[0-9]+)?(ms|s|m|h|e[0-9]+)?", fullmatch=True)
    | st.datetimes().map(str)
    | st.sampled_from(["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "Mon, 32 Foo 99999 25:61:61 +9999"])
)


@given(st.dictionaries(st.sampled_from(NAMES), GARBAGE), st.binary(max_size=40), st.sampled_from(["", "groq"]))
def test_nothing_that_a_provider_sends_raises_or_makes_a_number_that_is_none(headers, body, provider):
    for value in (body, b'{"error":{"details":[{"retryDelay":' + body + b"}]}}"):
        found = rate_signal(headers, value, provider, NOON)
        for allowance in found.allowances:
            assert 0 <= allowance.remaining < float("inf")
            assert allowance.limit is None or 0 < allowance.limit < float("inf")
            assert allowance.reset is None or 0 <= allowance.reset < float("inf")
            assert allowance.fraction is None or 0 <= allowance.fraction <= 1
        assert found.retry_after is None or 0 <= found.retry_after < float("inf")
