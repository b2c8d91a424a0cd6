"""How deep JSON may be: counted as a parser would, whatever stands in its texts."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.nesting import MOST_LEVELS, is_deep
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults, Rejected, Request
from headgate.schemas.topics import Lane


def levels(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(levels, inner), default=0)


def wrapped(value, count):
    for number in range(count):
        value = {"[": value} if number % 2 else [value, "]"]
    return value


JSON = st.recursive(
    st.none() | st.booleans() | st.text('[]{}"\\a\n'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('[{"\\'), inner),
)


@given(JSON, st.integers(MOST_LEVELS - 8, MOST_LEVELS + 3), st.sampled_from([None, 1]))
def test_levels_are_counted_as_a_parser_would(value, count, indent):
    whole = wrapped(value, count)
    assert is_deep(json.dumps(whole, indent=indent).encode()) is (levels(whole) > MOST_LEVELS)


@given(st.text("[{]}"))
def test_brackets_in_a_text_are_no_levels(text):
    assert not is_deep(json.dumps([text * 1000, '"' + text * 1000]).encode())


def of(depth):
    value = b'{"body":{"model":"m","messages":[{"role":"user","content":%s}]}}' % (b"[" * depth + b"]" * depth)
    record = Record("headgate.requests.standard", value)
    return read_request(record, Arrival("t/0/1", Lane.STANDARD, 0), Defaults())


def test_what_was_read_once_can_be_read_where_more_calls_are_open():
    """A request of 970 levels could be read on arrival and not where it was sent from, of which the worker died."""
    open_calls = 0
    frame = sys._getframe()
    while frame := frame.f_back:
        open_calls += 1
    assert isinstance(of(MOST_LEVELS - 4), Request)
    for depth in range(MOST_LEVELS - 3, sys.getrecursionlimit() - open_calls):
        assert not isinstance(of(depth), Request)


@pytest.mark.parametrize("depth", [MOST_LEVELS - 3, MOST_LEVELS * 2])
def test_who_nests_too_deep_is_told(depth):
    read = of(depth)
    assert isinstance(read, Rejected)
    assert read.failure.expected == f"JSON of at most {MOST_LEVELS} levels"
