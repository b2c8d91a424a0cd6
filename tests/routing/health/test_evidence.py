"""What the end of a call says of a deployment and its credential."""

import pytest

from headgate.routing.health.breaker import Sign
from headgate.routing.health.evidence import BLAMES, LONGEST_PAUSE, NOTHING, WELL, Blame, Finding, evidence_of
from headgate.routing.health.rules import CREDENTIAL_RULE, USUAL_RULE, BreakerRules, breaker_rule, credential_name
from headgate.routing.outcome import Completion, Setback
from headgate.schemas.config_breaker import Breaker
from headgate.schemas.failures import Code, failure

#: Codes that a request ends with before, or instead of, any attempt.
NO_ATTEMPT = {
    Code.EMPTY,
    Code.INVALID_UTF8,
    Code.INVALID_JSON,
    Code.INVALID_ENVELOPE,
    Code.UNKNOWN_REPLY_TOPIC,
    Code.INVALID_REQUEST,
    Code.REQUEST_TOO_LARGE,
    Code.UNKNOWN_ENDPOINT,
    Code.MODEL_NOT_FOUND,
    Code.DUPLICATE_ID,
    Code.UNPRICED,
    Code.DEADLINE_EXCEEDED,
    Code.CANCELLED,
    Code.ID_REUSED,
    Code.UNAUTHENTICATED,
    Code.FORBIDDEN,
    Code.KEY_EXPIRED,
    Code.BUDGET_EXCEEDED,
    Code.MAX_COST_EXCEEDED,
    Code.LIMIT_TOO_SMALL,
}
ILL = Finding(Sign.ILL)


def setback(code, retry_after=None):
    return Setback(failure(code), retry_after=retry_after)


def blamed(blame):
    return [code for code, its in BLAMES.items() if its is blame]


def test_every_code_of_an_attempt_is_somebodys_fault_or_nobodys():
    """A new code needs a line in `evidence.py`: else it would say nothing of anybody's health."""
    assert set(BLAMES) | NO_ATTEMPT == set(Code)
    assert not set(BLAMES) & NO_ATTEMPT


def test_an_answer_speaks_well_of_both():
    evidence = evidence_of(Completion(200, b"{}", "", None))
    assert (evidence.deployment, evidence.credential) == (WELL, WELL)


@pytest.mark.parametrize("code", blamed(Blame.DEPLOYMENT))
def test_a_fault_of_the_deployment_says_nothing_of_the_credential(code):
    evidence = evidence_of(setback(code))
    assert (evidence.deployment, evidence.credential) == (ILL, NOTHING)


@pytest.mark.parametrize("code", [Code.AUTHENTICATION, Code.PERMISSION, Code.QUOTA_EXHAUSTED])
def test_a_fault_of_the_credential_says_nothing_of_the_deployment(code):
    evidence = evidence_of(setback(code, 30.0))
    assert (evidence.deployment, evidence.credential) == (NOTHING, Finding(Sign.ILL, 30.0))


@pytest.mark.parametrize("code", [Code.BAD_REQUEST, Code.CONTEXT_LENGTH, Code.CONTENT_POLICY, Code.CANCELLED])
def test_a_fault_of_the_request_says_nothing_whatever_is_asked_for(code):
    evidence = evidence_of(setback(code, 30.0))
    assert (evidence.deployment, evidence.credential) == (NOTHING, NOTHING)


@pytest.mark.parametrize(
    ("asked", "pause"), [(None, 0.0), (0.0, 0.0), (4.9, 0.0), (5.0, 5.0), (30.0, 30.0), (1e9, LONGEST_PAUSE)]
)
def test_a_rate_limit_is_no_illness_but_a_pause_if_the_provider_asks_for_a_long_one(asked, pause):
    evidence = evidence_of(setback(Code.RATE_LIMITED, asked))
    assert (evidence.deployment, evidence.credential) == (Finding(Sign.NONE, pause), NOTHING)


def test_an_overload_counts_and_pauses():
    assert evidence_of(setback(Code.OVERLOADED, 20.0)).deployment == Finding(Sign.ILL, 20.0)


def test_a_timeout_that_the_requests_deadline_cut_short_says_nothing():
    assert evidence_of(setback(Code.TIMEOUT), cut_short=True).deployment == NOTHING
    assert evidence_of(setback(Code.TIMEOUT)).deployment == ILL
    assert evidence_of(setback(Code.CONNECTION_CUT), cut_short=True).deployment == ILL


def test_rules_are_the_configs_the_usual_one_and_the_credentials():
    rule = breaker_rule(Breaker(failure_ratio=0.2, minimum=3, window="1m", cooldown="500ms", max_cooldown=2))
    assert (rule.failure_ratio, rule.minimum, rule.window_us) == (0.2, 3, 60_000_000)
    assert (rule.cooldown_us, rule.max_cooldown_us, rule.bucket_us) == (500_000, 2_000_000, 6_000_000)
    rules = BreakerRules({"d": rule})
    assert (rules.of("d"), rules.of("e")) == (rule, USUAL_RULE)
    assert rules.of(credential_name("openai")) == rules.of(credential_name("openai", 2)) == CREDENTIAL_RULE
    assert credential_name("openai", 2) == "credential:openai#2"
