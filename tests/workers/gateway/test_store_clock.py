"""What a worker knows of the store's clock is never further off than the answer that took longest to be read."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.gateway.store_clock import StoreClock

DELAYS = st.integers(0, 500_000)


class Own:
    """This machine's clock, set by hand."""

    def __init__(self):
        self.us = 1_800_000_000_000_000

    def __call__(self):
        return self.us


@given(st.integers(-(10**9), 10**9), st.lists(st.tuples(DELAYS, DELAYS), min_size=1))
def test_it_is_off_by_no_more_than_the_quickest_answer_took(ahead, answers):
    own = Own()
    clock = StoreClock(own)
    for there, back in answers:
        asked = own.us
        own.us += there
        said = own.us + ahead
        own.us += back
        clock.heard(said, asked)
    assert abs(clock.now_us() - (own.us + ahead)) <= min(there + back for there, back in answers)


def test_an_answer_that_is_read_late_does_not_move_a_clock_that_is_right():
    own = Own()
    clock = StoreClock(own)
    said = asked = own.us
    own.us += 70_000
    clock.heard(said, asked)
    assert clock.now_us() == own.us


def test_a_clock_that_is_set_anew_is_followed():
    own = Own()
    clock = StoreClock(own)
    clock.heard(own.us + 5_000_000, own.us)
    assert clock.of(7) == 5_000_007
    clock.heard(own.us - 5_000_000, own.us)
    assert clock.now_us() == own.us - 5_000_000
