"""The small words: topics, money, streams."""

import doctest
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas import config_values, money
from headgate.schemas.money import NANO_PER_USD, show_usd, usd
from headgate.schemas.record import Record, header
from headgate.schemas.streams import fields_of, record_of, stream_key, tag
from headgate.schemas.topics import Lane, Topics, is_legal_topic


@pytest.mark.parametrize("module", [money, config_values])
def test_examples_in_docstrings_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_exact(nano):
    assert usd(nano) * NANO_PER_USD == nano
    assert Decimal(show_usd(nano).replace("$", "").replace(",", "")) == usd(nano)


@given(st.sampled_from(Lane), st.sampled_from(["headgate.", "", "a-b_"]))
def test_a_lane_s_topic_leads_back_to_the_lane(lane, prefix):
    topics = Topics(prefix)
    assert topics.lane_of(topics.requests(lane)) is lane
    assert topics.lane_of("elsewhere") is Lane.STANDARD
    assert is_legal_topic(topics.requests(lane))


def test_lanes_stand_most_urgent_first():
    assert Topics().lanes == ("headgate.requests.urgent", "headgate.requests.standard", "headgate.requests.bulk")


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ä", "a/b", "x" * 250, "a\n", "a\0"])
def test_what_kafka_would_not_take_is_no_topic(name):
    assert not is_legal_topic(name)


HEADERS = st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.binary())).map(tuple)


@given(st.none() | st.binary(), st.none() | st.binary(), HEADERS)
def test_a_record_survives_a_stream(value, key, headers):
    record = Record("t", value, key, headers)
    flat = fields_of(record)
    assert flat, "a stream takes no entry without a field"
    assert record_of("t", flat) == record


@given(st.lists(st.tuples(st.sampled_from([b"v", b"k", b"h", b"x"]) | st.binary(max_size=3), st.binary(max_size=9))))
def test_a_foreign_entry_is_a_record_all_the_same(pairs):
    assert isinstance(record_of("t", [part for pair in pairs for part in pair]), Record)


def test_all_keys_of_a_bus_share_one_hash_tag():
    assert stream_key("headgate.", "headgate.usage").startswith(tag("headgate."))
    assert tag("headgate.") == "{headgate}"


def test_the_first_header_that_has_a_value_is_the_one():
    headers = (("a", None), ("b", b"1"), ("a", b"2"), ("a", b"3"))
    assert header(headers, "a", "b") == b"2"
    assert header(headers, "c", "b") == b"1"
    assert header(headers, "c") is None
