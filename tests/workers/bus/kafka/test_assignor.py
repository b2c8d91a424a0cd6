"""Partitions are shared out evenly per lane, and move no more than that needs."""

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.bus.kafka.assignor import LaneAssignor, share_out

MEMBERS = st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=8)
TOPICS = st.dictionaries(st.sampled_from(["urgent", "standard", "bulk"]), st.integers(1, 12).map(range), min_size=1)


def moved(before, after):
    return sum(
        len(set(shares[topic]) - set(before.get(member, {}).get(topic, ())))
        for member, shares in after.items()
        for topic in shares
    )


@given(TOPICS, MEMBERS)
def test_everything_is_given_once_and_evenly_in_every_lane(topics, members):
    given_out = share_out(topics, {member: {} for member in members})
    for topic, partitions in topics.items():
        shares = [given_out[member][topic] for member in members]
        assert sorted(p for share in shares for p in share) == list(partitions)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    totals = [sum(map(len, shares.values())) for shares in given_out.values()]
    assert max(totals) - min(totals) <= 1


@given(TOPICS, MEMBERS)
def test_nothing_moves_when_nobody_comes_or_goes(topics, members):
    before = share_out(topics, {member: {} for member in members})
    assert share_out(topics, before) == before


def evening(topics):
    """What moves besides so that nobody has two more than another over all lanes: with one lane, nothing.

    Found by trying all numbers of partitions and members that are drawn here.
    """
    return 2 * (len(topics) - 1)


@given(TOPICS, MEMBERS)
def test_a_newcomer_takes_its_share_and_hardly_anything_else_moves(topics, members):
    before = share_out(topics, {member: {} for member in members})
    after = share_out(topics, {**before, "z": {}})
    assert moved(before, after) <= sum(map(len, after["z"].values())) + evening(topics)


@given(TOPICS, MEMBERS.filter(lambda members: len(members) > 1))
def test_what_a_leaver_had_moves_and_hardly_anything_else(topics, members):
    before = share_out(topics, {member: {} for member in members})
    gone = min(members)
    left = {member: shares for member, shares in before.items() if member != gone}
    assert moved(left, share_out(topics, left)) <= sum(map(len, before[gone].values())) + evening(topics)


def test_of_two_that_claim_the_same_the_first_had_it():
    claims = {"a": {"t": [0, 1]}, "b": {"t": [0, 1]}}
    assert share_out({"t": range(4)}, claims) == {"a": {"t": [0, 1]}, "b": {"t": [2, 3]}}


class Cluster(ClusterMetadata):
    def partitions_for_topic(self, _topic):
        return {0, 1, 2, 3}


def test_two_consumers_of_one_process_do_not_share_their_memory():
    one, two = LaneAssignor.new(), LaneAssignor.new()
    members = {"a": one.metadata(["t"]), "b": two.metadata(["t"])}
    given_out = one.assign(Cluster(), members)
    one.on_assignment(given_out["a"])
    two.on_assignment(given_out["b"])
    assert (one.had, two.had, LaneAssignor.had) == ({"t": [0, 1]}, {"t": [2, 3]}, {})
    again = two.assign(Cluster(), {"a": two.metadata(["t"]), "b": one.metadata(["t"])})
    assert [tp.partition for tp in again["a"].partitions()] == [2, 3]


def test_a_stranger_in_the_group_had_nothing():
    stranger = ConsumerProtocolMemberMetadata(0, ["t"], b"\x00\xffnot json")
    assert len(LaneAssignor.new().assign(Cluster(), {"s": stranger})["s"].partitions()) == 4
