"""What response headers ask of a client."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.providers.signals import retry_after, should_retry


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "10", "retry-after": "2"}, 0.01),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_date_counts_from_the_clock_that_is_given():
    now = dt.datetime(2026, 11, 22, 12, 0, 0, tzinfo=dt.UTC)
    assert retry_after({"retry-after": "Sun, 22 Nov 2026 12:01:00 GMT"}, now) == 60.0


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_text_raises_or_asks_for_a_negative_wait(headers):
    seconds = retry_after(headers)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(("text", "word"), [("true", True), ("False", False), ("maybe", None), (None, None)])
def test_should_retry_is_the_providers_word_or_nothing(text, word):
    assert should_retry({} if text is None else {"x-should-retry": text}) is word
