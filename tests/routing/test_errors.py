"""From whatever a provider sends instead of an answer to a setback."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Setback
from headgate.routing.providers import errors
from headgate.routing.providers.error_table import Ending, ErrorTable, Retry, Where, error_rows
from headgate.routing.providers.errors import finish, malformed, setback
from headgate.schemas.failures import CATALOGUE, Code, Failure
from headgate.schemas.reply import Tokens
from support import provider_errors as said
from support.provider_errors import reply, target

OPENAI = target("openai")
ROWS = error_rows()


def code_of(given, where=OPENAI):
    return setback(given, where).failure.code


# --- the table --------------------------------------------------------------------------------------------------------


def _body(where, word):
    """A body that says a word at its place."""
    match where:
        case Where.QUOTA_ID:
            return {"error": {"message": "no", "details": [said.violation(f"Requests{word}PerProject")]}}
        case Where.REASON:
            return {"error": {"message": "no", "details": [{"@type": "ErrorInfo", "reason": word}]}}
        case Where.MESSAGE:
            return {"error": {"message": f"Sorry, {word} …"}}
        case _:
            return {"error": {"message": "no", where.value: word}}


def _statuses(row, where):
    named = [status for status in row.http if isinstance(status, int)]
    if where is Where.HTTP:
        return named + [{"4xx": 418, "5xx": 599}[status] for status in row.http if isinstance(status, str)]
    if row.vague:
        return [418]
    return named or [418, 429, 503, 200]


def _cases():
    for number, row in enumerate(ROWS.row):
        for where in row.where:
            yield pytest.param(row, where, id=f"{number} {row.means} {where} {' '.join(row.said)[:40]}")


def _judged(row, where):
    for provider in row.at or ("somebody",):
        for status in _statuses(row, where):
            for word in row.said or ("",):
                body = b"<html>no</html>" if where is Where.HTTP else _body(where, word)
                yield code_of(reply(status, body), target(provider, "some-wire"))
                yield code_of(reply(status, body), target("somebody", provider))


@pytest.mark.parametrize(("row", "where"), [*_cases()])
def test_every_word_of_a_row_means_what_the_row_says_at_any_status(row, where):
    assert set(_judged(row, where)) == {row.means}


@pytest.mark.parametrize(("row", "where"), [*_cases()])
def test_it_is_this_row_that_says_so(row, where, monkeypatch):
    """The test above can fail: if the row says something else, so do all its words."""
    changed = tuple(msgspec.structs.replace(each, means=Code.INTERNAL) if each is row else each for each in ROWS.row)
    monkeypatch.setattr(errors, "error_table", lambda: ErrorTable(msgspec.structs.replace(ROWS, row=changed)))
    assert set(_judged(row, where)) == {Code.INTERNAL}


def test_every_row_has_a_source_and_words_only_where_there_can_be_some():
    for row in ROWS.row:
        assert row.source
        assert row.where
        assert bool(row.said) == (row.where != (Where.HTTP,))
        assert bool(row.http) or Where.HTTP not in row.where
        assert len({word.lower() for word in row.said}) == len(row.said)
    assert all(row.source for row in ROWS.ended)
    assert all(set(row.unseen) <= set(row.said) for row in (*ROWS.row, *ROWS.ended))


def test_no_two_rows_say_different_things_of_the_same_word():
    words = {}
    for row in ROWS.row:
        for place in _places(row):
            assert words.setdefault(place, row.means) is row.means
    ended = {}
    for row in ROWS.ended:
        for word in row.said:
            assert (row.where, word.lower()) not in ended
            ended[row.where, word.lower()] = row.means


def _places(row):
    for where in row.where:
        for word in row.said or ("",):
            for scope in row.at or ("",):
                for status in row.http or (0,):
                    yield where, word.lower(), scope, status


def test_every_code_of_a_provider_has_a_row_or_is_ours_to_find():
    """Whoever adds a code of this kind says when it is meant."""
    theirs = list(Code)[list(Code).index(Code.RATE_LIMITED) : list(Code).index(Code.INTERNAL)]
    found = {row.means for row in ROWS.row} | {row.means for row in ROWS.ended}
    ours = {Code.TIMEOUT, Code.CONNECTION_FAILED, Code.INTERRUPTED, Code.HEDGED}
    assert set(theirs) - found == ours


def test_a_provider_s_row_goes_before_its_wire_s_and_that_before_all_others():
    row = ROWS.row[0]
    rows = [
        msgspec.structs.replace(row, said=("x",), at=at, means=means, http=http)
        for at, means, http in (
            ((), Code.BAD_REQUEST, ()),
            (("wire",), Code.OVERLOADED, ()),
            (("me",), Code.CAPACITY, ()),
            (("me",), Code.PERMISSION, (429,)),
        )
    ]
    table = ErrorTable(msgspec.structs.replace(ROWS, row=tuple(rows)))

    def means(scopes, status=400):
        return table.word(Where.CODE, "x", scopes, status).code

    assert means(("you", "other")) is Code.BAD_REQUEST
    assert means(("you", "wire"), 429) is Code.OVERLOADED
    assert means(("me", "wire")) is Code.CAPACITY
    assert means(("me", "wire"), 429) is Code.PERMISSION


# --- which word decides -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        # 429 is rate, money or capacity
        (said.openai(code="rate_limit_exceeded", kind="requests"), Code.RATE_LIMITED),
        (said.openai(code="a_new_spend_limit", kind="insufficient_quota"), Code.QUOTA_EXHAUSTED),
        (said.openai(code="resource_unavailable"), Code.CAPACITY),
        (said.anthropic("rate_limit_error"), Code.RATE_LIMITED),
        (said.anthropic("rate_limit_error", error_code="contract_spend_limit_reached"), Code.QUOTA_EXHAUSTED),
        (said.google(429, "RESOURCE_EXHAUSTED"), Code.RATE_LIMITED),
        (
            said.google(429, "RESOURCE_EXHAUSTED", "no", said.violation("PerMinute"), said.violation("PerDay")),
            Code.QUOTA_EXHAUSTED,
        ),
        # what nobody knows goes by the status, and its prose is not read
        (said.openai("maximum context length is 1", code="brand_new"), Code.RATE_LIMITED),
        (said.openai("maximum context length is 1", kind="BrandNewError"), Code.RATE_LIMITED),
        # a vague word says less than the status
        (said.openai(kind="invalid_request_error"), Code.RATE_LIMITED),
        (said.mistral("Service tier capacity exceeded for this model.", "invalid_request_error"), Code.CAPACITY),
    ],
)
def test_a_429_is_rate_money_or_capacity(body, code):
    assert code_of(reply(429, body), target("mistral")) is code


def test_prose_is_read_only_of_those_who_have_no_code():
    trial = {"message": "limited to 1000 API calls / month"}
    assert code_of(reply(429, trial), target("cohere", "cohere")) is Code.QUOTA_EXHAUSTED
    assert code_of(reply(429, trial), OPENAI) is Code.RATE_LIMITED
    assert code_of(reply(429, {**trial, "code": "slow"}), target("cohere", "cohere")) is Code.RATE_LIMITED


def test_a_phrase_counts_only_at_the_statuses_of_its_row():
    assert code_of(reply(429, said.openai("Resource unavailable"))) is Code.CAPACITY
    assert code_of(reply(503, said.openai("Resource unavailable"))) is Code.OVERLOADED


def test_a_type_that_says_no_more_than_that_there_is_an_error_is_no_word():
    body = {"type": "error", "message": "prompt is too long: 9000 tokens"}
    assert code_of(reply(400, body), target("anthropic", "anthropic")) is Code.CONTEXT_LENGTH


def test_a_precise_word_is_not_overruled_by_prose():
    body = said.openai("prompt is too long, maximum context length is 1", code="invalid_api_key")
    assert code_of(reply(400, body)) is Code.AUTHENTICATION


def test_one_request_that_is_larger_than_a_minute_s_tokens_is_too_large():
    body = said.openai("Request too large for model `x` on tokens per minute", "tokens", "rate_limit_exceeded")
    got = setback(reply(413, body), target("groq"))
    assert (got.failure.code, got.failure.retriable) == (Code.UPSTREAM_TOO_LARGE, False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (said.openai("nested"), "nested"),
        (said.mistral("flat"), "flat"),
        ({"object": "error", "message": {"detail": [{"msg": "deep", "loc": ["body"]}]}}, "deep"),
        (said.anthropic("api_error", "said"), "said"),
        ([said.google(500, "INTERNAL", "listed")], "listed"),
        ({"Message": "capital"}, "capital"),
        ({"error": "text"}, "text"),
        ({"code": "Some words", "error": "xai"}, "xai"),
        ({"detail": "voyage"}, "voyage"),
        ({"detail": [{"loc": ["body"], "msg": "fastapi", "type": "missing"}]}, "fastapi"),
        ({"success": False, "errors": [{"code": 7003, "message": "cloudflare"}], "messages": []}, "cloudflare"),
        ({"base_resp": {"status_code": 1024, "status_msg": "minimax"}}, "minimax"),
        ({"status": 404, "title": "Not Found", "detail": "nvidia"}, "nvidia"),
    ],
)
def test_the_message_is_found_in_every_shape(body, message):
    got = setback(reply(500, body), target("minimax"))
    assert got.failure.given.endswith(f": {message}")
    assert got.failure.code is Code.PROVIDER_ERROR
    assert json.loads(got.body) == body


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (reply(400, {"__type": "com.amazonaws.bedrock#ThrottlingException", "message": "no"}), Code.RATE_LIMITED),
        (reply(400, {"message": "no"}, x_amzn_errortype="ThrottlingException"), Code.RATE_LIMITED),
        (reply(400, b"", x_amzn_errortype="ThrottlingException:http://a/"), Code.RATE_LIMITED),
        (reply(400, b"<html>", x_amzn_errortype="ThrottlingException:http://a/"), Code.RATE_LIMITED),
    ],
)
def test_aws_names_its_errors_in_a_header_or_beside_the_message(given, code):
    assert code_of(given, target("bedrock", "bedrock")) is code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, Code.PERMISSION),
        (429, Code.RATE_LIMITED),
        (502, Code.PROVIDER_ERROR),
        (503, Code.OVERLOADED),
        (504, Code.UPSTREAM_TIMEOUT),
        (524, Code.UPSTREAM_TIMEOUT),
        (302, Code.MALFORMED_RESPONSE),
        (204, Code.MALFORMED_RESPONSE),
        (999, Code.PROVIDER_ERROR),
    ],
)
def test_a_page_is_what_its_status_says(status, code):
    got = setback(reply(status, b"<!doctype html><title>error: insufficient_quota</title>"), OPENAI)
    assert (got.failure.code, got.status, got.body) == (code, status, None)


def test_a_proxy_s_499_is_no_cancellation_of_ours():
    assert code_of(reply(499, said.google(499, "CANCELLED")), target("gemini", "gemini")) is Code.CONNECTION_CUT
    assert code_of(reply(499, b"")) is Code.CONNECTION_CUT


def test_the_same_status_means_different_things_at_different_providers():
    assert code_of(reply(498, {"message": "invalid token"}), target("cohere")) is Code.AUTHENTICATION
    assert code_of(reply(498, b""), target("groq")) is Code.CAPACITY
    assert code_of(reply(403, said.openai()), target("openrouter")) is Code.CONTENT_POLICY
    assert code_of(reply(403, said.openai()), OPENAI) is Code.PERMISSION


# --- an error in HTTP 200 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, "429"])
def test_a_number_in_a_200_is_the_status(code):
    assert code_of(reply(200, {"error": {"code": code, "message": "slow"}})) is Code.RATE_LIMITED


def test_a_number_beside_another_status_says_nothing():
    assert code_of(reply(400, {"error": {"code": 429, "message": "no"}})) is Code.BAD_REQUEST


def test_a_minimax_error_is_found_in_its_own_place():
    body = {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
    assert code_of(reply(200, body), target("minimax")) is Code.QUOTA_EXHAUSTED


def test_why_holds_unless_the_answer_tells_itself():
    why = malformed("no choices")
    assert setback(reply(200, {"choices": 1}), OPENAI, why).failure == why
    odd = setback(reply(200, {"error": "odd"}), OPENAI, why).failure
    assert (odd.code, odd.given) == (Code.PROVIDER_ERROR, "HTTP 200: odd")
    assert setback(reply(200, said.openai(code="slow_down")), OPENAI, why).failure.code is Code.RATE_LIMITED


def test_a_200_that_says_nothing_may_be_billed():
    got = setback(reply(200, {"detail": "moved"}), OPENAI)
    assert got.failure.code is Code.MALFORMED_RESPONSE
    assert CATALOGUE[got.failure.code].may_be_billed


def test_what_a_failed_attempt_used_is_kept():
    assert setback(reply(200, b"{}"), OPENAI, malformed("x"), Tokens(input=3, output=1)).tokens == Tokens(3, output=1)


# --- when, and whether, to try again ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (reply(429, said.openai(), retry_after="3"), 3.0),
        (reply(429, said.openai(), retry_after="3", retry_after_ms="1500"), 1.5),
        (reply(429, said.google(429, "RESOURCE_EXHAUSTED", "no", said.retry_info("46s"))), 46.0),
        (reply(429, [said.google(429, "RESOURCE_EXHAUSTED", "no", said.retry_info("1.5s"))]), 1.5),
        (
            reply(
                429,
                said.openai(),
                x_ratelimit_limit_requests="10",
                x_ratelimit_remaining_requests="0",
                x_ratelimit_reset_requests="2m",
                x_ratelimit_limit_tokens="10",
                x_ratelimit_remaining_tokens="5",
                x_ratelimit_reset_tokens="9m",
            ),
            120.0,
        ),
        (reply(503, said.openai(), x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="2m"), None),
        (reply(429, said.openai()), None),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to_or_until_the_limit_is_whole(given, seconds):
    assert setback(given, OPENAI).retry_after == seconds


def test_a_limit_s_reset_says_nothing_of_money():
    limits = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "2s"}
    assert setback(reply(429, said.openai(kind="insufficient_quota"), **limits), OPENAI).retry_after is None


def test_a_quota_that_comes_back_says_when():
    body = said.google(429, "RESOURCE_EXHAUSTED", "no", said.violation("RequestsPerDay"), said.retry_info("3600s"))
    got = setback(reply(429, body), target("gemini", "gemini"))
    assert (got.failure.code, got.failure.retriable, got.retry_after) == (Code.QUOTA_EXHAUSTED, False, 3600.0)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("status", [400, 500, 402])
def test_the_provider_s_own_word_goes_before_everything(status, told):
    got = setback(reply(status, said.openai(), x_should_retry=str(told).lower()), OPENAI)
    assert (got.should_retry, got.failure.retriable) == (told, told)


def test_credits_that_are_in_flight_are_worth_waiting_for():
    body = {"error": {"code": 402, "message": "no", "metadata": {"limit_source": "openrouter_in_flight_budget"}}}
    got = setback(reply(402, body, retry_after="5"), target("openrouter"))
    assert (got.failure.code, got.failure.retriable, got.retry_after) == (Code.RATE_LIMITED, True, 5.0)


@pytest.mark.parametrize(
    ("headers", "again"), [({}, False), ({"retry_after": "5"}, True), ({"x_should_retry": "true"}, True)]
)
def test_routing_that_nobody_meets_is_tried_again_if_told_when(headers, again):
    got = setback(reply(503, said.openai(), **headers), target("openrouter"))
    assert (got.failure.code, got.should_retry, got.failure.retriable) == (Code.CAPACITY, again, again)


def test_what_a_row_says_of_retries_is_used():
    assert {row.retry for row in ROWS.row} == {None, Retry.IF_TOLD}


# --- how answers end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS.ended, ids=lambda row: f"{row.where} {row.means} {' '.join(row.said)[:40]}")
def test_every_ending_is_what_its_row_says_in_any_case(row):
    for word in row.said:
        for spelled in (word, word.lower(), word.upper()):
            ended = finish(OPENAI, spelled, row.where)
            assert (ended.code if isinstance(ended, Failure) else ended) == row.means


@given(st.none() | st.text())
def test_an_ending_that_nobody_knows_is_a_failure_that_is_not_paid_for_again(word):
    known = {each for row in ROWS.ended if row.where is Ending.REASON for each in map(str.lower, row.said)}
    ended = finish(OPENAI, word)
    if word is None or word.lower() not in known:
        assert (ended.code, ended.retriable) == (Code.MALFORMED_RESPONSE, False)


# --- whatever comes ---------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMES = st.sampled_from(
    [
        *("error", "errors", "message", "Message", "msg", "detail", "details", "code", "error_code", "type", "__type"),
        *("status", "reason", "metadata", "limit_source", "innererror", "violations", "quotaId", "retryDelay"),
        *("base_resp", "status_code", "choices", "finish_reason", "param"),
    ]
)
WORDS = st.sampled_from(
    [word for row in ROWS.row for word in row.said] + [word for row in ROWS.ended for word in row.said]
)
ANY = st.recursive(
    SCALARS | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=5)
)
BODIES = st.binary() | ANY.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "x-should-retry", "x-amzn-errortype", "date", "x-ratelimit-remaining"]
    ),
    st.text() | WORDS,
)
TARGETS = st.builds(
    target, st.sampled_from(["openai", "zai", "minimax", "openrouter"]), st.sampled_from(["openai", "gemini"])
)


@given(st.integers(0, 999), HEADERS, BODIES, TARGETS)
def test_no_bytes_raise_and_everything_has_a_failure_that_can_be_written(status, headers, body, where):
    got = setback(HttpReply(status, headers, body), where)
    assert isinstance(got, Setback)
    assert got.status == status
    msgspec.json.encode(got.failure)
    assert got.body is None or b"\n" not in got.body
    assert got.body is None or isinstance(msgspec.json.decode(got.body), dict | list)


@given(st.integers(400, 599), BODIES, st.sampled_from(["zai", "openrouter"]))
def test_whom_a_provider_s_rows_are_not_for_they_do_not_touch(status, body, provider):
    """What is said only at some providers changes nothing for others."""
    less = msgspec.structs.replace(ROWS, row=tuple(row for row in ROWS.row if provider not in row.at))
    other = setback(HttpReply(status, {}, body), target("another"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(errors, "error_table", lambda: ErrorTable(less))
        assert setback(HttpReply(status, {}, body), target("another")) == other
