"""A new batch, the interrupted one, or none: what is paid for is never thrown away unasked."""

import itertools

import msgspec
import pytest

from headgate.producers.batch_state import BatchState, Source
from headgate.producers.fingerprint import Fingerprint, fingerprint
from headgate.producers.opening import Opening, Refused, Wanted, open_as
from support.batches import TERMS

_PRINT = Fingerprint(10, "aa", 2)
_STATE = BatchState(TERMS, Source("in.jsonl", _PRINT), "embedded", "0", 0)


def wanted(*, bus="embedded", print=_PRINT, output_exists=False, force=False):  # noqa: A002 - as the field is called
    return Wanted("in.jsonl", "out.jsonl", print, bus, output_exists, force)


@pytest.mark.parametrize(("output_exists", "force"), list(itertools.product([False, True], repeat=2)))
def test_an_unfinished_batch_of_the_same_input_is_resumed_whatever_else_is_said(output_exists, force):
    assert open_as(_STATE, wanted(output_exists=output_exists, force=force), vacant=False) is Opening.RESUME


def test_nothing_there_begins_a_batch():
    assert open_as(None, wanted(), vacant=True) is Opening.BEGIN


@pytest.mark.parametrize(
    ("found", "vacant", "case", "says"),
    [
        (None, True, wanted(output_exists=True), "out.jsonl exists"),
        (None, False, wanted(), "out.jsonl.partial exists"),
        (_STATE, False, wanted(print=Fingerprint(10, "bb", 2)), "from other lines"),
        (_STATE, False, wanted(bus="kafka localhost:9092 headgate."), "on embedded, this is kafka"),
    ],
)
def test_what_would_be_lost_is_only_lost_with_force(found, vacant, case, says):
    refused = open_as(found, case, vacant=vacant)
    assert isinstance(refused, Refused)
    assert says in refused.problem
    assert "--force" in refused.hint
    forced = Wanted(case.input_name, case.output_name, case.fingerprint, case.bus, case.output_exists, force=True)
    assert open_as(found, forced, vacant=vacant) is Opening.BEGIN


@pytest.mark.parametrize(("content", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_a_fingerprint_counts_lines_and_bytes(tmp_path, content, lines):
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    assert (fingerprint(path).lines, fingerprint(path).size) == (lines, len(content))


def test_one_changed_byte_anywhere_changes_the_fingerprint(tmp_path):
    path = tmp_path / "in.jsonl"
    content = bytearray(b"x" * 3_000_000)
    path.write_bytes(content)
    before = fingerprint(path)
    content[1_500_000] = 0
    path.write_bytes(content)
    assert fingerprint(path) != before
    assert msgspec.structs.replace(fingerprint(path), blake2b=before.blake2b) == before
