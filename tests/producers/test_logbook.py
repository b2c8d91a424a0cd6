"""State and spool: what was taken is there after any interruption, once, and only one process writes."""

import json

import msgspec
import pytest

from headgate.producers.batch_state import StateUnreadableError, Totals, load_state, save_state
from headgate.producers.logbook import Claim, Order, Places
from headgate.producers.spool import SpoolBusyError, SpoolDamagedError
from headgate.schemas.reply import Account, Reply, Status, Tokens
from support.batches import begin, chat_line, write_lines


@pytest.fixture
def source(tmp_path):
    return write_lines(tmp_path / "in.jsonl", [chat_line(f"q{n}") for n in range(10)])


def reply(book, line, *, status=Status.COMPLETED):
    name = f"{book.state.terms.batch}-{line}"
    account = Account(name, status, book.state.terms.batch, tokens=Tokens(input=1, output=2), cost_nano=5)
    return Reply(f"reply-{name}", f"q{line}", None, None, account)


def lines(path):
    return [json.loads(line)["custom_id"] for line in path.read_bytes().splitlines()]


def test_what_was_taken_before_a_checkpoint_is_there_afterwards_and_what_came_later_is_not(tmp_path, source):
    output = tmp_path / "out.jsonl"
    book = begin(output, source)
    assert book.take(3, reply(book, 3))
    assert book.take(1, reply(book, 1, status=Status.EXPIRED))
    book.checkpoint("17", None)
    assert book.take(2, reply(book, 2))
    book.close()
    book = begin(output, source)
    assert (book.has(1), book.has(2), book.has(3)) == (True, False, True)
    assert book.totals == Totals(completed=1, failed=1, cost_nano=10, input_tokens=2, output_tokens=4)
    assert (book.state.cursor, book.state.lines) == ("17", None)
    assert book.take(2, reply(book, 2))
    assert not book.take(1, reply(book, 1))
    book.checkpoint("18", 3)
    assert book.state.complete
    book.write(output, Order.COMPLETED)
    assert lines(output) == ["q3", "q1", "q2"]
    book.write(output, Order.INPUT)
    assert lines(output) == ["q1", "q2", "q3"]
    book.forget()
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


def test_more_than_a_buffer_of_answers_keeps_its_places(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    for line in range(9, 0, -1):
        answer = msgspec.structs.replace(reply(book, line), custom_id=f"q{line}" + "x" * 100_000)
        assert book.take(line, answer)
    book.checkpoint("9", 9)
    book.write(tmp_path / "out.jsonl", Order.INPUT)
    assert [name[:2] for name in lines(tmp_path / "out.jsonl")] == [f"q{n}" for n in range(1, 10)]
    book.forget()


def test_two_processes_cannot_write_one_output(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    with pytest.raises(SpoolBusyError, match="another process"):
        begin(tmp_path / "out.jsonl", source)
    book.close()
    begin(tmp_path / "out.jsonl", source).close()


def test_a_claim_that_is_left_leaves_nothing_behind(tmp_path):
    claim = Claim(Places.beside(tmp_path / "out.jsonl"))
    assert claim.is_vacant
    claim.close()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_on_an_unfinished_batch_leaves_it_alone(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    book.close()
    claim = Claim(Places.beside(tmp_path / "out.jsonl"))
    assert not claim.is_vacant
    claim.close()
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl.partial", "out.jsonl.state.json"}


def test_beginning_anew_forgets_the_old_answers(tmp_path, source):
    output = tmp_path / "out.jsonl"
    book = begin(output, source)
    book.take(1, reply(book, 1))
    book.checkpoint("1", None)
    state = msgspec.structs.replace(book.state, totals=Totals(), spool_bytes=0)
    book.close()
    book = Claim(Places.beside(output)).begin(state)
    assert not book.has(1)
    book.close()


def test_a_collected_batch_keeps_only_where_its_output_is(tmp_path, source):
    output = tmp_path / "out.jsonl"
    book = begin(output, source)
    book.take(1, reply(book, 1))
    book.checkpoint("1", 1)
    book.write(output, Order.INPUT)
    book.retire(output)
    assert not Places.beside(output).spool.exists()
    assert load_state(Places.beside(output).state).output == str(output)
    claim = Claim(Places.beside(output))
    claim.close()
    assert not Places.beside(output).spool.exists()


def test_a_spool_shorter_than_its_state_is_damaged(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    book.take(1, reply(book, 1))
    book.checkpoint("1", None)
    book.close()
    Places.beside(tmp_path / "out.jsonl").spool.write_bytes(b"")
    with pytest.raises(SpoolDamagedError, match="expected at least"):
        begin(tmp_path / "out.jsonl", source)


@pytest.mark.parametrize("content", [b"x" * 400, b'{"id": "reply-of-somebody-else"}\n' * 20])
def test_a_spool_with_foreign_lines_is_damaged(tmp_path, source, content):
    book = begin(tmp_path / "out.jsonl", source)
    book.take(1, reply(book, 1))
    book.checkpoint("1", None)
    book.close()
    Places.beside(tmp_path / "out.jsonl").spool.write_bytes(content)
    with pytest.raises(SpoolDamagedError, match="expected an answer at byte 0"):
        begin(tmp_path / "out.jsonl", source)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"terms": 1}'])
def test_a_damaged_state_is_said_to_be_damaged(tmp_path, content):
    path = tmp_path / "out.jsonl.state.json"
    path.write_bytes(content)
    with pytest.raises(StateUnreadableError, match="expected the state of a batch"):
        load_state(path)


def test_a_state_of_another_version_is_not_guessed_at(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    path = tmp_path / "new.json"
    save_state(path, msgspec.structs.replace(book.state, version=2))
    book.close()
    with pytest.raises(StateUnreadableError, match="expected version 1"):
        load_state(path)


def test_a_state_survives_being_written_and_read(tmp_path, source):
    book = begin(tmp_path / "out.jsonl", source)
    assert load_state(Places.beside(tmp_path / "out.jsonl").state) == book.state
    book.close()
