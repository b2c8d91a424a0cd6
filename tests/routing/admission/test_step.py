"""What follows admission's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.admission.step import (
    Again,
    Drop,
    Elsewhere,
    Fallback,
    Park,
    Pause,
    Queue,
    Refuse,
    Standing,
    moment,
    step,
)
from headgate.routing.admission.verdict import Busy, Exhausted, Fenced, Late, Never, NotReady, Paused, Stale, Wait
from headgate.schemas.failures import Code

NOW = 1_800_000_000_000_000
SECOND = 1_000_000


def standing(**changes):
    return Standing(**{"now_us": NOW, "deadline_us": NOW + 3600 * SECOND, "in_memory_us": 10 * SECOND, **changes})


@given(st.integers(0, 1000 * SECOND), st.integers(NOW - SECOND, NOW + 100 * SECOND))
def test_a_reserved_slot_is_waited_for_in_memory_or_outside_of_it_but_never_forgotten(since_us, ticket):
    following = step(Wait(NOW - since_us, ticket, "l"), standing())
    assert following.ticket_us == ticket
    if isinstance(following, Again):
        assert following.seconds == max(0, ticket - NOW) / SECOND <= 10
    else:
        assert following.due_us == ticket > NOW + 10 * SECOND


def test_a_slot_after_the_deadline_is_refused_at_once_with_the_time_that_would_have_worked():
    following = step(Late(NOW + 7200 * SECOND, "key:a:requests/minute"), standing())
    assert isinstance(following, Refuse)
    assert following.failure.code is Code.DEADLINE_EXCEEDED
    assert moment(NOW + 7200 * SECOND) in following.failure.expected
    assert "key:a:requests/minute" in following.failure.given


def test_who_finds_all_places_taken_queues_for_them():
    assert step(Busy("l"), standing()) == Queue("l")


def test_a_key_that_fills_the_window_leaves_memory_for_as_long_as_its_queue_takes():
    assert step(Busy("l"), standing(crowded_us=60 * SECOND)) == Park(NOW + 60 * SECOND)
    assert step(Busy("l"), standing(crowded_us=0)) == Park(NOW + 10 * SECOND)


def test_a_pause_that_the_provider_asks_for_is_waited_for_in_memory_if_it_is_short_and_outside_if_it_is_long():
    assert step(Paused("l", NOW + 10 * SECOND), standing()) == Queue("l")
    assert step(Paused("l", NOW + 11 * SECOND), standing()) == Park(NOW + 11 * SECOND)


def test_a_pause_beyond_the_deadline_is_refused_at_once_with_the_time_that_would_have_worked():
    following = step(Paused("calls:d", NOW + 7200 * SECOND), standing())
    assert isinstance(following, Refuse)
    assert following.failure.code is Code.DEADLINE_EXCEEDED
    assert moment(NOW + 7200 * SECOND) in following.failure.expected
    assert "calls:d" in following.failure.given


def test_nobody_is_parked_past_the_deadline():
    assert step(Busy("l"), standing(crowded_us=7200 * SECOND)) == Queue("l")


def test_a_queue_is_left_at_the_deadline():
    following = step(Busy("l"), standing(deadline_us=NOW))
    assert isinstance(following, Refuse)
    assert following.failure.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("resets", "policy", "expected"),
    [
        (NOW + 5 * SECOND, {}, Again(5.0)),
        (NOW + 600 * SECOND, {}, Park(NOW + 600 * SECOND)),
        (NOW + 600 * SECOND, {"b": Fallback("tiny")}, Elsewhere("tiny")),
        (None, {"b": Fallback("tiny")}, Elsewhere("tiny")),
        (NOW + 600 * SECOND, {"another": False}, Park(NOW + 600 * SECOND)),
    ],
)
def test_a_spent_budget_is_waited_for_unless_the_config_says_otherwise(resets, policy, expected):
    assert step(Exhausted("b", resets), standing(at_limit=policy)) == expected


@pytest.mark.parametrize(
    ("resets", "policy", "code"),
    [
        (NOW + 600 * SECOND, {"b": False}, Code.BUDGET_EXCEEDED),
        (None, {}, Code.BUDGET_EXCEEDED),
        (NOW + 7200 * SECOND, {}, Code.DEADLINE_EXCEEDED),
    ],
)
def test_a_spent_budget_refuses_where_waiting_is_not_wanted_or_of_no_use(resets, policy, code):
    following = step(Exhausted("b", resets), standing(at_limit=policy))
    assert isinstance(following, Refuse)
    assert following.failure.code is code


def test_a_request_larger_than_its_limit_is_told_how_large_it_may_be():
    following = step(Never("l", 500, 100), standing())
    assert following.failure.code is Code.LIMIT_TOO_SMALL
    assert "100" in following.failure.expected
    assert following.failure.given == "500"


def test_the_rest_needs_no_decision():
    assert step(Stale(NOW), standing()) == Again(0.0)
    assert step(Fenced(), standing()) == Drop()
    assert step(NotReady(), standing()) == Pause()


@given(st.integers(-(2**80), 2**80))
def test_any_time_can_be_told(unix_us):
    assert moment(unix_us).endswith("Z")
