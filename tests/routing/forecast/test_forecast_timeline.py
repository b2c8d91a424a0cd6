"""A timeline finds what a look at every moment would find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.forecast.timeline import Timeline

USES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15), st.integers(1, 4)), max_size=25)


def naive_level(uses, at):
    return sum(amount for begin, length, amount in uses if begin <= at < begin + length)


def filled(uses):
    line = Timeline()
    for begin, length, amount in uses:
        line.add(begin, begin + length, amount)
    return line


@given(USES)
def test_the_level_is_the_sum_of_what_is_in_use(uses):
    line = filled(uses)
    assert [line.level(at) for at in range(60)] == [naive_level(uses, at) for at in range(60)]


@given(USES, st.integers(0, 50), st.integers(1, 12), st.integers(1, 4), st.integers(0, 12))
def test_the_first_room_is_the_first_moment_from_which_there_is_room_all_the_time(uses, at, length, amount, more):
    capacity = amount + more
    begins = (
        begin
        for begin in range(at, 200)
        if all(naive_level(uses, moment) + amount <= capacity for moment in range(begin, begin + length))
    )
    assert filled(uses).first_room(at, length, amount, capacity) == next(begins)


@given(USES, st.integers(0, 50))
def test_what_was_before_can_be_forgotten(uses, before):
    line = filled(uses)
    line.forget(before)
    assert [line.level(at) for at in range(before, 70)] == [naive_level(uses, at) for at in range(before, 70)]


def test_calls_that_follow_each_other_in_a_full_limit_are_one_step():
    line = Timeline()
    for _ in range(1_000):
        begin = line.first_room(0, 7, 1, 3)
        line.add(begin, begin + 7, 1)
    assert line.level(0) == 3
    assert len(line) <= 3


@pytest.mark.parametrize(("length", "amount"), [(0, 1), (5, 0)])
def test_what_takes_no_time_or_nothing_leaves_no_trace(length, amount):
    line = Timeline()
    line.add(3, 3 + length, amount)
    assert len(line) == 0
