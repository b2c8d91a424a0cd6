"""Replies: an OpenAI batch output line with Headgate's facts beside it, byte for byte."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.schemas.failures import Code, failure
from headgate.schemas.reply import Account, Reply, Response, Status, Tokens, decode_reply, encode_reply, output_line

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
BODIES = st.dictionaries(NAMES, st.integers() | NAMES, max_size=4).map(lambda body: json.dumps(body, indent=1).encode())
REPLIES = st.builds(
    Reply,
    id=NAMES,
    custom_id=st.none() | NAMES,
    response=st.none() | st.builds(Response, st.integers(200, 599), NAMES, BODIES.map(msgspec.Raw)),
    error=st.none() | st.builds(failure, st.sampled_from(Code), given=NAMES),
    headgate=st.builds(
        Account,
        request_id=NAMES,
        status=st.sampled_from(Status),
        batch=st.none() | NAMES,
        attempts=st.integers(0, 100),
        tokens=st.builds(Tokens, st.integers(0), st.integers(0)),
        cost_nano=st.integers(0, 2**62),
    ),
)


@given(REPLIES)
def test_a_reply_survives_the_bus_byte_for_byte(reply):
    value = encode_reply(reply)
    assert encode_reply(decode_reply(value)) == value
    if reply.response is not None:
        assert bytes(decode_reply(value).response.body) == bytes(reply.response.body)


@given(REPLIES)
def test_an_output_line_is_one_line_of_exactly_openai_s_four_keys(reply):
    # The body's own newlines would break the file: providers answer compact or indented, as they please.
    line = output_line(reply)
    assert list(json.loads(line)) == ["id", "custom_id", "response", "error"]
    if reply.response is not None:
        assert json.loads(line)["response"]["body"] == json.loads(bytes(reply.response.body))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("value", [b"", b"{}", b"null", b'{"id":"x"}', b"\xff", b"["])
def test_what_is_no_reply_raises_what_the_docstring_says(value):
    with pytest.raises(msgspec.DecodeError):
        decode_reply(value)


def test_a_reply_says_only_what_is_known():
    reply = Reply("r", None, None, failure(Code.EMPTY), Account("q", Status.FAILED))
    assert json.loads(encode_reply(reply))["headgate"] == {"request_id": "q", "status": "failed"}
