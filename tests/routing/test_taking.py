"""What an attempt takes of its limits and budgets, before and after."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.admission.demand import BudgetWindow, Charge, Hold
from headgate.routing.admission.subject import Subject
from headgate.routing.admission.taking import Amounts, Bookkeeping, budgets_of, charges, postings, subject_of
from headgate.schemas.usage import Outcome
from support.ledgers import NEW_YEAR_US, an_event
from support.rulebooks import EVERYTHING, a_rulebook

_DAY_US = 86_400_000_000
_HELD = {"model": "small", "workspace": "research", "org": "acme", "end_user": "alice", "key": "rag-nightly"}


def _event(**changes):
    return an_event(0, **{"input_tokens": 100, "output_tokens": 20, "cost_nano": 5_000, **_HELD, **changes})


def _posted(event):
    return {one.window.name: one.amount for one in postings(event, a_rulebook(**EVERYTHING), Bookkeeping())}


def test_charges_are_the_estimate_in_the_limit_s_unit():
    rates = a_rulebook(**EVERYTHING).request(subject_of(_event())).rates
    amounts = Amounts(input_tokens=70, output_tokens=30, cost_nano=9)
    assert charges(rates, amounts) == tuple(
        Charge(rate.limit, amount) for rate, amount in zip(rates, (1, 70, 30, 100), strict=True)
    )


def test_holds_are_the_worst_case_in_the_window_of_the_moment():
    rulebook = a_rulebook(keys=[{"id": "a", "budgets": [{"usd": 2, "per": "day"}, {"tokens": 50, "per": "total"}]}])
    budgets = rulebook.request(Subject("a")).budgets
    at = NEW_YEAR_US + 5
    assert Bookkeeping().holds(budgets, Amounts(70, 30, 9), at) == (
        Hold(BudgetWindow("key:a:usd/day", NEW_YEAR_US, NEW_YEAR_US + _DAY_US, 2 * 10**9), 9),
        Hold(BudgetWindow("key:a:tokens/total", 0, None, 50), 100),
    )


def test_an_event_is_posted_to_every_budget_that_its_attempt_held():
    assert _posted(_event()) == {
        "key:rag-nightly:usd/day": 5_000,
        "key:rag-nightly:usd/day#2": 5_000,
        "workspace:research:usd/month": 5_000,
        "org:acme:usd/week": 5_000,
        "user:alice:requests/hour": 1,
        "model:small:tokens/month": 120,
        "metadata.team=search:usd/month": 5_000,
        "deployment:small-a:requests/day": 1,
        "provider:openai:usd/total": 5_000,
    }


@pytest.mark.parametrize(
    ("outcome", "requests"),
    [
        (Outcome.SUCCEEDED, 1),
        (Outcome.UNCERTAIN, 1),
        (Outcome.FAILED, None),
        (Outcome.REFUSED, None),
        (Outcome.REPLAYED, None),
    ],
)
def test_only_what_was_answered_or_may_have_been_counts_as_a_request(outcome, requests):
    assert _posted(_event(outcome=outcome)).get("user:alice:requests/hour") == requests


def test_an_attempt_that_failed_for_free_posts_nothing():
    assert _posted(_event(outcome=Outcome.FAILED, input_tokens=0, output_tokens=0, cost_nano=0)) == {}


@given(at=st.integers(0, 4_102_444_800_000_000))
def test_what_is_posted_lies_in_the_windows_that_were_held(at):
    rulebook, books = a_rulebook(**EVERYTHING), Bookkeeping()
    event = _event(ts=at)
    holds = books.holds(budgets_of(rulebook, subject_of(event)), Amounts(1, 1, 1), at)
    assert {hold.window for hold in holds} == {one.window for one in postings(event, rulebook, books)}


def test_the_workspace_is_the_event_s_and_not_the_one_that_the_key_has_by_now():
    assert "workspace:research:usd/month" not in _posted(_event(workspace="other"))


def test_events_of_older_releases_are_held_to_what_they_name():
    old = msgspec.json.encode({**msgspec.to_builtins(_event()), "org": None, "end_user": None})
    event = msgspec.json.decode(old, type=type(_event()))
    assert "org:acme:usd/week" not in _posted(event)
