"""Lines: whose turn is when, without asking."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.admission.line import Line, Lines, back_us
from headgate.schemas.topics import Lane

SECOND = 1_000_000


def a_line(slots, long=10):
    line = Line(long)
    for slot in slots:
        line.reserved(slot)
    return line


def test_a_short_line_tells_no_turn():
    assert Line(10).turn_us(0) is None
    assert a_line(n * SECOND for n in range(1, 10)).turn_us(0) is None


def test_in_a_long_line_each_turn_is_one_step_after_the_last():
    line = a_line(n * SECOND for n in range(1, 11))
    turns = []
    for _ in range(3):
        turns.append(line.turn_us(0))
        line.joined(turns[-1])
    assert turns == [11 * SECOND, 12 * SECOND, 13 * SECOND]


def test_a_line_is_short_again_when_some_of_its_slots_are_over():
    line = a_line(n * SECOND for n in range(1, 11))
    assert line.turn_us(SECOND) is None


def test_whoever_comes_later_stands_behind_those_who_left_memory():
    line = a_line(n * SECOND for n in range(1, 11))
    line.joined(60 * SECOND)
    assert line.turn_us(5 * SECOND) == 61 * SECOND


def test_a_line_whose_last_slot_is_over_has_nobody_left_whatever_was_expected():
    """Those who stood in it were cancelled, or had their slots from other workers."""
    line = a_line(n * SECOND for n in range(1, 11))
    line.joined(60 * SECOND)
    assert line.turn_us(10 * SECOND) is None


def test_the_pace_is_that_of_the_last_slots():
    line = a_line([*(n * SECOND for n in range(1, 11)), *((10 + 4 * n) * SECOND for n in range(1, 11))])
    assert line.turn_us(0) == (50 + 4) * SECOND


@given(st.lists(st.integers(1, 2**50), min_size=1, max_size=30), st.integers(0, 2**50), st.integers(2, 20))
def test_a_turn_is_never_before_a_slot_that_somebody_has_nor_before_another_turn(slots, now_us, long):
    line, last = a_line(slots, long), 0
    for _ in range(3):
        turn = line.turn_us(now_us)
        if turn is None:
            return
        assert turn >= max(last, slots[-1]) > now_us
        line.joined(turn)
        last = turn


@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_one_comes_back_before_its_turn_and_not_before_now(now_us, wait_us):
    assert now_us <= back_us(now_us + wait_us, now_us) <= now_us + wait_us


def test_each_key_has_a_line_on_each_lane():
    lines = Lines(2)
    assert not lines
    for slot in (1, 2):
        lines.reserved("k", Lane.BULK, slot * SECOND)
    assert lines
    assert lines.turn_us("k", Lane.BULK, 0) == 3 * SECOND
    assert lines.turn_us("k", Lane.URGENT, 0) is None
    assert lines.turn_us("j", Lane.BULK, 0) is None


def test_after_a_cancel_nothing_is_known_of_lines():
    lines = Lines(2)
    for slot in (1, 2):
        lines.reserved("k", Lane.BULK, slot * SECOND)
    lines.forget()
    assert lines.turn_us("k", Lane.BULK, 0) is None
