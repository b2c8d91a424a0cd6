"""Usage events: named once and for ever, written and read without loss."""

import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.usage import Cause, Outcome, UsageEvent, decode_event, encode_event, event_id

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
EVENTS = st.builds(
    UsageEvent,
    event_id=NAMES,
    request_id=NAMES,
    ts=st.integers(0, 2**53),
    outcome=st.sampled_from(Outcome),
    cause=st.sampled_from(Cause),
    attempt=st.integers(0, 100),
    key=NAMES,
    lane=NAMES,
    endpoint=NAMES,
    model=NAMES,
    code=st.none() | NAMES,
    cost_nano=st.integers(0, 2**62),
    metadata=st.dictionaries(NAMES, NAMES, max_size=3),
)


@given(EVENTS)
def test_an_event_survives_the_bus(event):
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("value", [b"", b"{}", b"null", b"[", b"\xff", b'{"event_id": 5}'])
def test_what_is_no_event_raises_what_the_docstring_says(value):
    with pytest.raises(msgspec.DecodeError):
        decode_event(value)


def test_an_attempt_s_name_never_changes():
    """Ledgers are full of these; a change would append every redelivered event a second time."""
    assert event_id("run-1", 1) == "b9a38477-795a-810f-b2e3-1318f395beb0"


@given(NAMES, st.integers(0, 1000), NAMES, st.integers(0, 1000))
def test_two_attempts_have_two_names(run, attempt, other_run, other_attempt):
    same = (run, attempt) == (other_run, other_attempt)
    assert (event_id(run, attempt) == event_id(other_run, other_attempt)) is same


@given(NAMES, st.integers(0, 1000))
def test_a_name_is_a_uuid_of_version_8(run, attempt):
    name = uuid.UUID(event_id(run, attempt))
    assert (name.version, name.variant) == (8, uuid.RFC_4122)
