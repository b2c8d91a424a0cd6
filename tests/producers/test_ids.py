"""Ids name their line, and no other's."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from headgate.producers.ids import is_batch_id, line_of, mint_batch_id, reply_id, request_id
from headgate.schemas.topics import Topics, is_legal_topic

_NOW = dt.datetime(2026, 11, 22, 16, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
_BATCH = mint_batch_id(_NOW, lambda letters: letters[0])


def test_a_batch_id_says_when_it_was_made_in_utc_and_may_be_part_of_a_topic():
    assert _BATCH == "batch-20261122-150301-22222222"
    assert is_batch_id(_BATCH)
    assert is_batch_id(mint_batch_id(_NOW))
    assert is_legal_topic(Topics().replies(_BATCH))


def test_minted_ids_differ():
    assert len({mint_batch_id(_NOW) for _ in range(1000)}) == 1000


def test_what_is_no_batch_id_is_told_apart():
    for text in ("", "batch-1", f"../{_BATCH}", f"{_BATCH}/x", f"{_BATCH}\n"):
        assert not is_batch_id(text)


@given(line=st.integers(1, 10**9))
def test_the_line_is_found_in_request_and_reply_ids(line):
    request = request_id(_BATCH, line)
    assert line_of(_BATCH, request) == line
    assert line_of(_BATCH, reply_id(request)) == line


def test_no_line_is_found_where_none_is_named():
    for text in ("", _BATCH, f"{_BATCH}-", f"{_BATCH}-x", "batch-20261122-150301-33333333-5", f"{_BATCH}-{'9' * 30}"):
        assert line_of(_BATCH, text) is None


@given(text=st.text())
def test_any_text_has_a_line_or_none(text):
    assert line_of("b", text) is None or isinstance(line_of("b", text), int)
