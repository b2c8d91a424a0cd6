"""The failure catalogue: complete, short, and honest about what may be billed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.failures import CATALOGUE, Code, Failure, failure


@pytest.mark.parametrize("code", Code)
def test_every_code_has_an_explanation_and_a_hint(code):
    entry = CATALOGUE[code]
    assert entry.explanation.endswith(".")
    assert entry.hint.endswith(".")


def test_the_catalogue_has_nothing_but_codes():
    assert set(CATALOGUE) == set(Code)


def test_codes_are_never_renamed():
    """Codes are API. Add to this list; whoever removes from it breaks somebody's program."""
    assert {
        *("empty", "invalid_utf8", "invalid_json", "invalid_envelope", "unknown_reply_topic", "invalid_request"),
        *("request_too_large", "unknown_endpoint", "model_not_found", "duplicate_id", "unpriced", "deadline_exceeded"),
        *("cancelled", "rate_limited", "quota_exhausted", "overloaded", "provider_error", "bad_request"),
        *("authentication", "permission", "upstream_not_found", "context_length", "content_policy", "timeout"),
        *("connection_failed", "connection_cut", "malformed_response", "interrupted", "internal"),
        *("id_reused", "unauthenticated", "forbidden", "key_expired", "budget_exceeded", "max_cost_exceeded"),
        *("limit_too_small", "unsupported_parameter", "unsupported_endpoint"),
        *("capacity", "upstream_too_large", "upstream_timeout", "model_error"),
    } <= set(Code)


def test_a_failure_carries_the_catalogue_s_words():
    made = failure(Code.RATE_LIMITED, expected="200", given=429)
    assert made == Failure(
        Code.RATE_LIMITED, "The provider's rate limit was hit.", "200", "429", "Lower the load.", retriable=True
    )


@given(st.text(max_size=2_000))
def test_what_came_is_quoted_shortly(text):
    quoted = failure(Code.INVALID_REQUEST, given=text).given
    assert len(quoted) <= 240
    assert quoted.startswith(text[:200])


def test_a_failure_is_written_without_what_it_does_not_say():
    assert msgspec.json.encode(Failure(Code.EMPTY, "x")) == b'{"code":"empty","message":"x"}'


def test_only_what_a_provider_may_have_seen_may_be_billed():
    may = {code for code, entry in CATALOGUE.items() if entry.may_be_billed}
    assert may == {
        *(Code.TIMEOUT, Code.UPSTREAM_TIMEOUT, Code.CONNECTION_CUT, Code.MALFORMED_RESPONSE, Code.MODEL_ERROR),
        *(Code.INTERRUPTED, Code.HEDGED),
    }
