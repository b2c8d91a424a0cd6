"""Parking: what a request remembers, and the way through the tiers, with a virtual clock."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas import deferral as module
from headgate.schemas.deferral import (
    LENGTHS,
    SLACK_SECONDS,
    Deferral,
    deferred_record,
    original,
    read_deferral,
    tier_for,
)
from headgate.schemas.record import Record
from headgate.schemas.topics import Lane, Tier, Topics, is_legal_topic

TOPICS = Topics("t.")
NAMES = [
    getattr(module, name)
    for name in (
        "DUE",
        "TICKET",
        "TICKET_FOR",
        "LANE",
        "PLACE",
        "ARRIVED",
        "HOPS",
        "ATTEMPTS",
        "SPENT",
        "REFUSED",
        "SHADOW",
    )
]
MOMENT = st.integers(0, 2**53)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(NAMES) | st.text(max_size=4),
        st.none() | st.binary(max_size=24) | st.from_regex(rb"\d{1,20}", fullmatch=True) | st.sampled_from([b"bulk"]),
    ),
    max_size=12,
).map(tuple)
DEFERRALS = st.builds(
    Deferral,
    st.sampled_from(Lane),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=80),
    MOMENT,
    MOMENT,
    st.none() | MOMENT,
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.integers(0, 2**53),
    st.integers(0, 1000),
    st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)
LANE_RECORDS = st.builds(
    Record,
    st.sampled_from(TOPICS.lanes),
    st.none() | st.binary(),
    st.none() | st.binary(),
    HEADERS,
)
TIERS = st.sampled_from(Tier)
LONGEST = 3 * 3600.0


@given(LANE_RECORDS, st.lists(st.tuples(DEFERRALS, TIERS), min_size=1, max_size=5))
def test_what_is_parked_is_read_again_and_the_producer_s_record_survives_any_number_of_hops(sent, hops):
    lane, record = TOPICS.lane_of(sent.topic), sent
    for deferral, tier in hops:
        record = deferred_record(record, deferral, TOPICS, tier)
        assert record.topic == TOPICS.deferred(tier)
        assert read_deferral(record, TOPICS) == deferral
        assert original(record, lane, TOPICS) == sent
    assert len(record.headers) == len(sent.headers) + len(NAMES), "what an earlier hop wrote does not pile up"


@given(LANE_RECORDS, DEFERRALS, TIERS, HEADERS.map(lambda all_: tuple(h for h in all_ if h[0] not in NAMES)))
def test_headers_that_a_tool_has_added_behind_ours_do_no_harm(sent, deferral, tier, added):
    record = deferred_record(sent, deferral, TOPICS, tier)
    record = Record(record.topic, record.value, record.key, record.headers + added)
    assert read_deferral(record, TOPICS) == deferral
    assert original(record, TOPICS.lane_of(sent.topic), TOPICS).headers == sent.headers + added


@given(HEADERS, TIERS)
def test_whatever_lies_on_a_deferral_topic_is_read_or_is_not_ours(headers, tier):
    record = Record(TOPICS.deferred(tier), b"{}", None, headers)
    found = read_deferral(record, TOPICS)
    if found is not None:
        assert read_deferral(deferred_record(record, found, TOPICS, tier), TOPICS) == found
    assert original(record, Lane.BULK, TOPICS).topic == TOPICS.requests(Lane.BULK)


@given(LANE_RECORDS, DEFERRALS, TIERS)
def test_on_any_other_topic_our_headers_mean_nothing(sent, deferral, tier):
    forged = deferred_record(sent, deferral, TOPICS, tier).headers
    for topic in (*TOPICS.lanes, TOPICS.replies(), TOPICS.control, "elsewhere", "other.deferred.1m"):
        record = Record(topic, sent.value, sent.key, forged)
        assert read_deferral(record, TOPICS) is None
        assert original(record, Lane.BULK, TOPICS) == record


GOOD = deferred_record(
    Record(TOPICS.lanes[0], b"{}"), Deferral(Lane.BULK, "p/1/2", 5, 6, 7, "d1", 8), TOPICS, Tier.HOUR
)


BAD_NUMBERS = [None, b"", b"-1", b"\xff", b"9" * 17, b"1e3", "\u0663".encode()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in (module.LANE, module.ARRIVED, module.DUE) for value in BAD_NUMBERS),
        *((module.PLACE, value) for value in (None, b"", b"\xff", b"x" * 400)),
    ],
)
def test_a_record_without_what_a_request_needs_is_not_ours(name, value):
    headers = tuple((each, value if each == name else old) for each, old in GOOD.headers)
    assert read_deferral(Record(GOOD.topic, b"{}", None, headers), TOPICS) is None


@pytest.mark.parametrize("value", BAD_NUMBERS)
def test_what_a_request_can_do_without_is_repaired(value):
    headers = tuple((each, value if each in {module.TICKET, module.HOPS} else old) for each, old in GOOD.headers)
    found = read_deferral(Record(GOOD.topic, b"{}", None, headers), TOPICS)
    assert found == Deferral(Lane.BULK, "p/1/2", 5, 6, None, "d1", 1)


@given(TIERS, st.sampled_from(["headgate.", "", "a-b_"]))
def test_a_tier_s_topic_leads_back_to_the_tier(tier, prefix):
    topics = Topics(prefix)
    assert topics.tier_of(topics.deferred(tier)) is tier
    assert is_legal_topic(topics.deferred(tier))
    assert {topics.tier_of(topic) for topic in (*topics.lanes, topics.usage, topics.control)} == {None}


def test_tiers_stand_shortest_first_and_their_names_say_how_long_they_are():
    assert [topic.rpartition(".")[2] for topic in TOPICS.deferrals] == ["10s", "1m", "10m", "1h"]
    assert [LENGTHS[tier] for tier in Tier] == sorted(LENGTHS.values()) == [10, 60, 600, 3600]


@given(st.floats(0, 40 * 86_400))
def test_the_tier_is_the_longest_that_is_not_too_long(remaining):
    tier = tier_for(remaining)
    for each, seconds in LENGTHS.items():
        fits = seconds + SLACK_SECONDS <= remaining
        assert not fits or (tier is not None and LENGTHS[tier] >= seconds), each
    assert tier is None or LENGTHS[tier] + SLACK_SECONDS <= remaining


#: How late a hop is: anything that the slack covers.
LATENESS = st.floats(0, SLACK_SECONDS)


@given(st.floats(0, LONGEST), st.lists(LATENESS, min_size=25, max_size=25))
def test_whoever_follows_the_tiers_ends_within_the_shortest_of_them_and_never_late(remaining, lateness):
    hops, left = 0, remaining
    while (tier := tier_for(left)) is not None:
        left -= LENGTHS[tier] + lateness[hops]
        hops += 1
        assert left > -1e-9, "late"
    assert left < LENGTHS[Tier.SECONDS_10] + SLACK_SECONDS
    assert hops <= remaining // LENGTHS[Tier.HOUR] + 19


def test_the_bound_on_hops_is_reached():
    left, hops = 3600.0 - 0.01 + SLACK_SECONDS, 0
    while (tier := tier_for(left)) is not None:
        left, hops = left - LENGTHS[tier], hops + 1
    assert hops == 19


class _Tree:
    """All tiers on a virtual clock: each is a queue, and only its head is looked at."""

    def __init__(self):
        self.now = 0.0
        self.rest = {}
        self.came, self.left = [], []
        self._queues = {tier: deque() for tier in Tier}

    def place(self, number, due):
        """Park a request, or keep it if the rest is for memory."""
        tier = tier_for(due - self.now)
        if tier is None:
            self.rest[number] = due, self.now
        else:
            self._queues[tier].append((self.now + LENGTHS[tier], number, due))
            self.came.append((tier, number))

    def move_to(self, moment):
        """Let time pass."""
        while heads := [(queue[0][0], tier) for tier, queue in self._queues.items() if queue]:
            at, tier = min(heads)
            if at > moment:
                break
            self.now = max(self.now, at)
            _, number, due = self._queues[tier].popleft()
            self.left.append((tier, number))
            self.place(number, due)
        self.now = max(self.now, moment)


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, LONGEST)), max_size=30).map(sorted))
def test_in_the_tree_everybody_is_out_in_time_and_a_tier_is_left_in_the_order_of_coming(arrivals):
    tree = _Tree()
    for number, (at, wait) in enumerate(arrivals):
        tree.move_to(at)
        tree.place(number, at + wait)
    tree.move_to(600 + LONGEST)
    assert sorted(tree.rest) == list(range(len(arrivals)))
    for due, at in tree.rest.values():
        assert -1e-6 < due - at < LENGTHS[Tier.SECONDS_10] + SLACK_SECONDS
    for tier in Tier:
        assert [number for its, number in tree.left if its is tier] == [
            number for its, number in tree.came if its is tier
        ]


@given(st.integers(0, int(LONGEST)), st.lists(st.integers(0, 30), min_size=2, max_size=20).map(sorted))
def test_of_two_with_the_same_wait_whoever_came_first_is_due_first_through_all_hops(wait, arrivals):
    tree = _Tree()
    for number, at in enumerate(arrivals):
        tree.move_to(at)
        tree.place(number, at + wait)
    tree.move_to(30 + LONGEST)
    assert list(tree.rest) == sorted(tree.rest)
