"""From lines to records: as a gateway would judge them, unchanged, and in little memory."""

import json
import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.producers.input_file import LocalReply, Submission, read_lines
from headgate.schemas import headers as names
from headgate.schemas.failures import Code
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record, header
from headgate.schemas.reply import Status
from headgate.schemas.request import Arrival, Defaults, Request
from headgate.schemas.topics import Lane
from support.batches import TERMS, chat_line, write_lines


def read(tmp_path, *lines, terms=TERMS, end=b"\n"):
    return list(read_lines(write_lines(tmp_path / "in.jsonl", lines, end), terms))


def error(line):
    assert isinstance(line, LocalReply)
    assert line.reply.headgate.status is Status.FAILED
    return line.reply.error


def test_a_line_is_sent_as_it_is_and_addressed_by_headers(tmp_path):
    line = chat_line("a", "ümläut", metadata={"team": "x"})
    (sent,) = read(tmp_path, line)
    assert sent.record.value == line
    assert sent.record.topic == TERMS.topic
    assert sent.record.headers == (
        (names.REQUEST_ID, f"{TERMS.batch}-1".encode()),
        (names.BATCH, TERMS.batch.encode()),
        (names.REPLY_TO, TERMS.reply_to.encode()),
    )


def test_a_gateway_reads_the_line_as_ours(tmp_path):
    terms = msgspec.structs.replace(TERMS, key="rag", deadline="60", lane=Lane.BULK)
    (sent,) = read(tmp_path, chat_line("a"), terms=terms)
    request = read_request(sent.record, Arrival("place", Lane.BULK, 1000), Defaults(reply_to="elsewhere"))
    assert isinstance(request, Request)
    assert (request.id, request.batch, request.reply_to) == (f"{TERMS.batch}-1", TERMS.batch, TERMS.reply_to)
    assert (request.key, request.deadline_ms, request.custom_id) == ("rag", 61_000, "a")


def test_a_lines_own_key_and_deadline_win(tmp_path):
    terms = msgspec.structs.replace(TERMS, key="rag", deadline="60")
    (sent,) = read(tmp_path, chat_line("a", key="own", deadline=5), terms=terms)
    request = read_request(sent.record, Arrival("place", Lane.STANDARD, 0), Defaults())
    assert (request.key, request.deadline_ms) == ("own", 5000)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_mark_carriage_returns_blank_lines_and_a_missing_end_are_tolerated(tmp_path, end):
    content = end.join([b"\xef\xbb\xbf" + chat_line("a"), b"", b"   ", b"  " + chat_line("b") + b" \t", chat_line("c")])
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    read = list(read_lines(path, TERMS))
    assert [(line.line, line.record.value) for line in read] == [
        (1, chat_line("a")),
        (4, chat_line("b")),
        (5, chat_line("c")),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", Code.INVALID_JSON),
        (b"\xff\xfe", Code.INVALID_UTF8),
        (b"[]", Code.INVALID_ENVELOPE),
        (b"7", Code.INVALID_ENVELOPE),
        (b"{}", Code.INVALID_REQUEST),
        (b'{"body": {"model": "m"}}', Code.INVALID_REQUEST),
        (b'{"body": {"messages": [1]}}', Code.INVALID_REQUEST),
        (b'{"url": "/v1/images", "body": {"model": "m"}}', Code.UNKNOWN_ENDPOINT),
        (b"[" * 100_000, Code.INVALID_ENVELOPE),
        (b'{"x": ' * 100_000, Code.INVALID_JSON),
    ],
)
def test_a_wrong_line_is_answered_as_a_gateway_would(tmp_path, line, code):
    wrong, right = read(tmp_path, line, chat_line("b"))
    verdict = read_request(Record("t", line), Arrival("p", Lane.STANDARD, 0), Defaults())
    assert error(wrong) == verdict.failure
    assert error(wrong).code is code
    assert isinstance(right, Submission)


@pytest.mark.parametrize("field", ["id", "batch", "reply_to"])
def test_what_the_batch_decides_must_not_stand_in_a_line(tmp_path, field):
    (line,) = read(tmp_path, chat_line("a", **{field: "headgate.replies.mine"}))
    assert error(line).code is Code.INVALID_REQUEST
    assert field in error(line).expected
    assert "headgate.replies.mine" in error(line).given
    assert line.reply.custom_id == "a"


def test_a_second_custom_id_is_answered_with_the_line_of_the_first(tmp_path):
    first, second, third = read(tmp_path, chat_line("same"), b"  " + chat_line("same", "other"), chat_line("b"))
    assert isinstance(first, Submission)
    assert error(second).code is Code.DUPLICATE_ID
    assert error(second).given == "same, which line 1 has"
    assert second.reply.custom_id == "same"
    assert isinstance(third, Submission)


def test_lines_without_custom_id_are_no_duplicates(tmp_path):
    assert all(isinstance(line, Submission) for line in read(tmp_path, chat_line(None), chat_line(None)))


def test_a_wrong_line_keeps_its_own_error_and_its_custom_id(tmp_path):
    wrong = json.dumps({"custom_id": "a", "body": {"model": "m"}}).encode()
    first, second, third = read(tmp_path, wrong, wrong, chat_line("a"))
    assert error(first).code is error(second).code is Code.INVALID_REQUEST
    assert error(third).code is Code.DUPLICATE_ID


def test_a_line_over_the_limit_is_answered_with_its_custom_id_and_a_monstrous_one_without(tmp_path):
    terms = msgspec.structs.replace(TERMS, max_bytes=2048)
    big, monstrous, small = read(
        tmp_path, chat_line("big", "x" * 3000), chat_line("monster", "x" * 50_000), chat_line("small"), terms=terms
    )
    assert error(big).code is error(monstrous).code is Code.REQUEST_TOO_LARGE
    assert (big.reply.custom_id, monstrous.reply.custom_id) == ("big", None)
    assert error(monstrous).given == f"{len(chat_line('monster', 'x' * 50_000)) + 1} bytes"
    assert (small.line, small.record.value) == (3, chat_line("small"))


def test_a_monstrous_last_line_without_an_end_is_one_line(tmp_path):
    terms = msgspec.structs.replace(TERMS, max_bytes=1024)
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"x" * 1024 * 4 * 5)
    (line,) = read_lines(path, terms)
    assert error(line).given == f"{1024 * 4 * 5} bytes"


def test_memory_does_not_grow_with_the_bodies(tmp_path):
    path = tmp_path / "in.jsonl"
    with path.open("wb") as file:
        for number in range(400):
            file.write(chat_line(f"q{number}", "x" * 100_000) + b"\n")
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_lines(path, TERMS))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 400
    assert peak < 4_000_000  # the file has 40 MB


_LINE = st.one_of(
    st.binary(max_size=40).filter(lambda line: b"\n" not in line),
    st.sampled_from([chat_line("a"), chat_line("b"), chat_line(None), b"{}", b""]),
)


@settings(max_examples=200)
@given(lines=st.lists(_LINE, max_size=12))
def test_every_line_that_is_not_blank_becomes_exactly_one_thing_whatever_it_is(tmp_path_factory, lines):
    path = write_lines(tmp_path_factory.mktemp("lines") / "in.jsonl", lines)
    read = list(read_lines(path, TERMS))
    whole = b"".join(line + b"\n" for line in lines).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert [line.line for line in read] == [n for n, line in enumerate(whole, 1) if line.strip(b" \t\r\n")]
    for line in read:
        request = f"{TERMS.batch}-{line.line}"
        if isinstance(line, Submission):
            assert header(line.record.headers, names.REQUEST_ID) == request.encode()
        else:
            assert (line.reply.id, line.reply.headgate.request_id) == (f"reply-{request}", request)
