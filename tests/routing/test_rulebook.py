"""Which limits and budgets a subject touches, and what they are called."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.routing.admission.demand import ParallelLimit, RateLimit
from headgate.routing.admission.rules import AtLimit, Unit
from headgate.routing.admission.subject import Subject, of, of_value, part
from headgate.routing.admission.windows import Per
from support.rulebooks import EVERYTHING, a_rulebook

_SUBJECT = Subject(
    "rag-nightly", "research", "acme", "alice", "small", "small-a", "openai", {"team": "search", "other": "x"}
)
_MINUTE = 60_000_000


def _names(rules):
    return [
        [rate.limit.name for rate in rules.rates],
        [limit.name for limit in rules.parallel],
        [budget.name for budget in rules.budgets],
    ]


def test_a_request_is_held_to_what_its_key_workspace_org_user_model_and_metadata_are_held_to():
    assert _names(a_rulebook(**EVERYTHING).request(_SUBJECT)) == [
        [
            "key:rag-nightly:requests/minute",
            "key:rag-nightly:input_tokens/hour",
            "user:alice:output_tokens/day",
            "model:small:tokens/minute",
        ],
        ["key:rag-nightly:parallel", "metadata.team=search:parallel"],
        [
            "key:rag-nightly:usd/day",
            "key:rag-nightly:usd/day#2",
            "workspace:research:usd/month",
            "org:acme:usd/week",
            "user:alice:requests/hour",
            "model:small:tokens/month",
            "metadata.team=search:usd/month",
        ],
    ]


def test_an_attempt_is_held_to_what_its_deployment_and_provider_are_held_to():
    assert _names(a_rulebook(**EVERYTHING).target(_SUBJECT)) == [
        ["deployment:small-a:requests/minute", "provider:openai:requests/second"],
        ["deployment:small-a:parallel"],
        ["deployment:small-a:requests/day", "provider:openai:usd/total"],
    ]


def test_whoever_is_held_to_nothing_has_no_rules():
    rulebook = a_rulebook(**EVERYTHING)
    assert not rulebook.request(Subject("somebody", model="other"))
    assert not rulebook.target(Subject("somebody", deployment="small-b"))


def test_a_rulebook_says_what_matters_to_it():
    assert a_rulebook(**EVERYTHING).dimensions == (
        "key",
        "workspace",
        "org",
        "end_user",
        "model",
        "deployment",
        "provider",
    )
    assert a_rulebook(**EVERYTHING).metadata_fields == ("team",)
    assert a_rulebook(end_users={"budgets": [{"usd": 1}]}).dimensions == ("end_user",)
    only_metadata = a_rulebook(metadata=[{"field": "team", "limits": {"parallel": 1}}])
    assert only_metadata
    assert only_metadata.dimensions == ()
    assert not a_rulebook(keys=[{"id": "a"}], metadata=[{"field": "team"}], workspaces=[{"id": "w"}])


def test_the_rules_say_what_the_config_says():
    rules = a_rulebook(**EVERYTHING).request(_SUBJECT)
    assert rules.rates[0].unit is Unit.REQUESTS
    assert rules.rates[0].limit == RateLimit("key:rag-nightly:requests/minute", 600, _MINUTE, 300)
    assert rules.parallel[0] == ParallelLimit("key:rag-nightly:parallel", 50)
    day, second, month, week, hour, tokens, team = rules.budgets
    assert (day.unit, day.limit, day.per, day.zone) == (Unit.USD, 25 * 10**9, Per.DAY, "UTC")
    assert [(one.share, one.amount) for one in day.thresholds] == [(0.5, 12_500_000_000), (0.8, 20 * 10**9)]
    assert second.limit == 40_500_000_000
    assert (month.zone, month.per, month.at_limit) == ("Europe/Berlin", Per.MONTH, AtLimit.DEFER)
    assert (week.per, week.at_limit, week.fallback) == (Per.WEEK, AtLimit.FALLBACK, "small")
    assert (hour.unit, hour.limit, hour.per) == (Unit.REQUESTS, 100, Per.HOUR)
    assert (tokens.unit, tokens.limit) == (Unit.TOKENS, 10**9)
    assert team.at_limit is AtLimit.REFUSE


@pytest.mark.parametrize(
    ("limit", "burst", "expected"), [(600, 0.1, 60), (5, 0.1, 1), (1, 1, 1), (7, 1, 7), (10, 0.3, 3), (100, 0.29, 29)]
)
def test_a_burst_is_a_share_of_the_limit_and_at_least_one(limit, burst, expected):
    rules = a_rulebook(keys=[{"id": "a", "limits": {"tokens_per_hour": limit, "burst": burst}}])
    assert rules.request(Subject("a")).rates[0].limit.burst == expected


def test_only_what_many_keys_share_is_reserved_for_a_short_time_ahead():
    rulebook = a_rulebook(**EVERYTHING)
    key, _, user, model = rulebook.request(_SUBJECT).rates
    deployment, provider = rulebook.target(_SUBJECT).rates
    assert key.limit.ahead_us == user.limit.ahead_us == 2**53
    assert model.limit.ahead_us == deployment.limit.ahead_us == 3_750_000
    assert provider.limit.ahead_us == 1_000_000


@pytest.mark.parametrize(
    ("limit", "share", "amount"), [(10, 0.1, 1), (10, 0.7, 7), (3, 0.5, 2), (1, 0.5, 1), (10**12, 1.0, 10**12)]
)
def test_a_threshold_is_reached_by_the_smallest_sum_that_is_as_large_a_share(limit, share, amount):
    rulebook = a_rulebook(keys=[{"id": "a", "budgets": [{"tokens": limit, "alert_at": [share]}]}])
    assert rulebook.request(Subject("a")).budgets[0].thresholds[0].amount == amount


def test_two_limits_for_the_values_of_one_field_are_both_kept():
    limits = [{"requests_per_minute": 5}, {"requests_per_minute": 7, "parallel": 1}]
    rulebook = a_rulebook(metadata=[{"field": "team", "limits": one} for one in limits])
    rules = rulebook.request(Subject("a", metadata={"team": "x"}))
    assert [(one.limit.name, one.limit.limit) for one in rules.rates] == [
        ("metadata.team=x:requests/minute", 5),
        ("metadata.team=x:requests/minute#2", 7),
    ]


def test_answers_do_not_depend_on_who_asked_before():
    rulebook = a_rulebook(**EVERYTHING)
    for number in range(50):
        subject = Subject("rag-nightly", end_user=f"user-{number % 7}", metadata={"team": f"t{number % 3}"})
        assert rulebook.request(subject) == a_rulebook(**EVERYTHING).request(subject)


_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@given(_TEXT, _TEXT)
@example("a" * 200, "a" * 201)
@example("a:b", "a%3Ab")
def test_two_texts_are_never_spelled_the_same_and_never_long(one, other):
    assert (part(one) == part(other)) == (one == other)
    assert len(part(one)) <= 120
    assert part(one).isascii()
    assert not set(part(one)) & set(":= {}\n")


@given(_TEXT, _TEXT, _TEXT, _TEXT)
def test_a_name_is_one_subject_and_at_most_300_bytes(field, value, other_field, other_value):
    names = {of_value(field, value), of_value(other_field, other_value), of("user", field), of("key", value)}
    assert len(names) == 3 + ((field, value) != (other_field, other_value))
    assert all(len(f"{name}:output_tokens/minute#12") <= 300 for name in names)


def test_a_digest_is_not_taken_for_a_name():
    long = "a" * 300
    assert "*" in part(long)
    assert part(part(long)) != part(long)


def test_a_budget_is_found_by_its_name_whosever_it_is():
    rulebook = a_rulebook(**EVERYTHING)
    both = (*rulebook.request(_SUBJECT).budgets, *rulebook.target(_SUBJECT).budgets)
    assert [rulebook.budget(budget.name) for budget in both] == list(both)
    assert [budget for budget in both if not budget.name.startswith(("user:", "metadata."))] == sorted(
        rulebook.budgets(), key=both.index
    )
    for name in ("user:alice:usd/hour", "key:other:usd/day", "metadata.other=x:usd/month", "team"):
        assert rulebook.budget(name) is None


def test_a_rulebook_says_which_calendars_and_periods_it_needs():
    rulebook = a_rulebook(**EVERYTHING)
    assert rulebook.calendars == {
        *((per, "UTC") for per in (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH, Per.TOTAL)),
        (Per.MONTH, "Europe/Berlin"),
    }
    assert rulebook.periods == {1_000_000, _MINUTE, 60 * _MINUTE, 1440 * _MINUTE}
