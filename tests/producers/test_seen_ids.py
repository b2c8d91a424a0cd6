"""Duplicates are found exactly, also when hashes collide."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from headgate.producers.seen_ids import SeenIds


@given(ids=st.lists(st.text(max_size=3), max_size=80), buckets=st.sampled_from([1, 3, 2**64]))
def test_the_first_line_of_an_id_is_found_whatever_the_hashes_do(ids, buckets):
    seen = SeenIds(ids.__getitem__, lambda text: hash(text) % buckets)
    found = [seen.first_line(text, offset, offset + 1) for offset, text in enumerate(ids)]
    assert found == [None if ids.index(text) == n else ids.index(text) + 1 for n, text in enumerate(ids)]
    assert len(seen) == len(set(ids))


def test_an_id_is_read_again_only_when_its_hash_was_seen():
    read = []
    seen = SeenIds(lambda offset: read.append(offset) or f"q{offset}")
    for number in range(5000):  # the table grows three times
        assert seen.first_line(f"q{number}", number, number + 1) is None
    assert read == []
    assert seen.first_line("q77", 6000, 6001) == 78
    assert read == [77]


def test_a_hundred_thousand_ids_take_less_than_six_megabytes():
    seen = SeenIds(lambda _: None)
    for number in range(100_000):
        seen.first_line(f"request-{number}", number * 4096, number + 1)
    held = sum(sys.getsizeof(part) for part in (seen._hashes, seen._offsets, seen._lines))
    assert held < 6_000_000
