"""The map beside a committed offset: it fits when it is said to, and comes back as it was."""

import base64
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.bus.kafka.offset_map import MAX_CHARS, Known, always_fits, decode, encode


@st.composite
def open_offsets(draw, most=400, distance=200_000):
    """Ascending offsets that are open, and an end above all of them."""
    first = draw(st.integers(0, 2**60))
    distances = draw(st.lists(st.integers(1, distance), max_size=most))
    offsets = [first]
    for step in distances:
        offsets.append(offsets[-1] + step)
    return offsets, offsets[-1] + draw(st.integers(1, distance))


@given(open_offsets())
def test_what_is_finished_comes_back(case):
    offsets, end = case
    text = encode(offsets, end)
    assert text is not None
    known = decode(offsets[0], text) or Known((), offsets[0])
    span = range(offsets[0], min(end, offsets[0] + 5000))
    finished = {o for o in span if o not in set(offsets)}
    assert {o for o in span if o < known.end and o not in known.open} == finished
    assert set(known.open) <= set(offsets)


def test_nothing_finished_above_the_first_open_offset_needs_no_map():
    assert encode([7, 8, 9], 10) == ""
    assert decode(7, "") is None


def test_open_offsets_at_the_end_are_left_out():
    known = decode(5, encode([5, 8, 9, 10], 11))
    assert known == Known((5,), 8)


@given(st.integers(1, 4000), st.integers(0, 40), st.integers())
def test_a_map_that_always_fits_does(count, more_bits, seed):
    span = count << more_bits
    if always_fits(count, span):
        random = Random(seed)
        offsets = sorted({0, *(random.randrange(span) for _ in range(count - 1))})
        text = encode(offsets, span)
        assert text is not None
        assert len(text) <= MAX_CHARS


@given(st.integers(1, 3100), st.integers(0, 20), st.integers())
def test_finishing_more_never_makes_a_fitting_map_too_long(count, more_bits, seed):
    span = count << more_bits
    if always_fits(count, span):
        random = Random(seed)
        offsets = sorted({0, *(random.randrange(span) for _ in range(count - 1))})
        kept = sorted(random.sample(offsets, random.randint(1, len(offsets))))
        assert encode(kept, span) is not None


def test_a_call_of_minutes_at_the_head_leaves_room_for_a_thousand_others():
    assert always_fits(1000, 120 * 10_000)
    assert not always_fits(4000, 120 * 10_000)


def test_what_does_not_fit_is_not_cut_short():
    offsets = [i * i * 37 + i for i in range(4000)]
    assert encode(offsets, offsets[-1] + 2) is None


@pytest.mark.parametrize(
    "text",
    [
        "written by somebody else",
        "1:",
        "1:not base85 \x00",
        "1:" + base64.b85encode(b"not zlib").decode(),
        "1:" + base64.b85encode(zlib.compress(b"\x80")).decode(),
        "1:" + base64.b85encode(zlib.compress(b"\x05\x00\x01")).decode(),
        "1:" + base64.b85encode(zlib.compress(b"")).decode(),
        "1:" + base64.b85encode(zlib.compress(b"\x01" * 10)[:-3]).decode(),
        "1:" + base64.b85encode(zlib.compress(b"\x01" * 10**7)).decode(),
        "2:" + base64.b85encode(zlib.compress(b"\x01")).decode(),
    ],
)
def test_a_foreign_note_says_nothing(text):
    assert decode(100, text) is None


@given(st.text(max_size=300))
def test_no_note_can_break_the_reader(text):
    decode(0, text)
    decode(0, "1:" + text)
