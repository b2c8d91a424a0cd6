"""Readers get the ledger itself while nobody owns it, and the newest snapshot otherwise."""

import os
import subprocess
import sys

import duckdb
import pytest

from headgate.reporting import snapshot
from headgate.reporting.errors import BusyLedgerError, ForeignLedgerError, MissingLedgerError, SnapshotError
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from support.ledgers import a_slice, a_value

_COUNT = "SELECT count(*) FROM usage"


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.duckdb") as owned:
        yield owned


def _count(path):
    with open_for_reading(path) as reader:
        return reader.rows(_COUNT)[0][0]


def test_the_file_itself_is_read_when_nobody_owns_it(ledger):
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    ledger.append([a_slice(a_value(2))])
    ledger.close()
    with open_for_reading(ledger.path) as reader:
        assert (reader.path, reader.age_seconds, reader.describe()) == (ledger.path, None, str(ledger.path))
        assert reader.rows(_COUNT) == [(2,)]


def test_the_newest_snapshot_is_read_while_somebody_owns_the_file_and_says_how_old_it_is(ledger):
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    ledger.append([a_slice(a_value(2))])
    made = ledger.publish()
    ledger.append([a_slice(a_value(3))])
    os.utime(made, (1_000_000, 1_000_000))
    with open_for_reading(ledger.path, clock=lambda: 1_000_042.0) as reader:
        assert reader.describe() == f"{ledger.path.with_name('l.snapshot.duckdb')}, a snapshot of 42 s ago"
        assert reader.rows(_COUNT) == [(2,)]


def test_another_process_reads_the_snapshot_while_the_recorder_writes(ledger):
    ledger.append([a_slice(a_value(1), a_value(2))])
    ledger.publish()
    program = (
        "from headgate.reporting.reader import open_for_reading\n"
        f"reader = open_for_reading({str(ledger.path)!r})\n"
        f"print(reader.age_seconds is not None, reader.rows({_COUNT!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True [(2,)]\n"


def test_publishing_does_not_give_the_owners_lock_away(ledger):
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    program = f"import duckdb; duckdb.connect({str(ledger.path)!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Could not set lock" in done.stderr
    ledger.append([a_slice(a_value(2))])


def test_a_reader_keeps_its_snapshot_while_a_newer_one_takes_its_place(ledger):
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    with open_for_reading(ledger.path) as reader:
        ledger.append([a_slice(a_value(2))])
        ledger.publish()
        assert reader.rows(_COUNT) == [(1,)]
    assert _count(ledger.path) == 2


def test_a_snapshot_stands_for_the_ledger_where_only_it_was_copied_to(ledger, tmp_path):
    ledger.append([a_slice(a_value(1))])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "l.snapshot.duckdb").write_bytes(ledger.publish().read_bytes())
    assert _count(elsewhere / "l.duckdb") == 1


def test_a_snapshot_cannot_be_written_to_by_mistake(ledger):
    assert ledger.publish().stat().st_mode & 0o222 == 0


def test_without_a_snapshot_a_reader_is_told_who_has_the_file(ledger):
    with pytest.raises(BusyLedgerError, match="this process has"):
        open_for_reading(ledger.path)


def test_a_reader_of_nothing_is_told_who_makes_it(tmp_path):
    with pytest.raises(MissingLedgerError, match="the recorder makes it"):
        open_for_reading(tmp_path / "none.duckdb")
    assert not list(tmp_path.iterdir())


def test_a_reader_of_somebody_elses_database_is_told_so(tmp_path):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE something (a INTEGER)")
    with pytest.raises(ForeignLedgerError, match="without its tables"):
        open_for_reading(tmp_path / "other.duckdb")


def test_what_a_killed_recorder_left_of_a_copy_is_swept_away_at_the_next_start(ledger, tmp_path):
    left = tmp_path / "l.snapshot.duckdb.0123.tmp"
    left.write_text("half")
    neighbour = tmp_path / "l2.snapshot.duckdb.0123.tmp"
    neighbour.write_text("somebody else's")
    ledger.close()
    Ledger.open(ledger.path).close()
    assert (left.exists(), neighbour.exists()) == (False, True)


def test_where_cp_does_not_know_reflinks_a_python_child_copies(ledger, monkeypatch, tmp_path):
    cp = tmp_path / "cp"
    cp.write_text("#!/bin/sh\necho 'illegal option --reflink' >&2\nexit 64\n")
    cp.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(cp))
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    assert _count(ledger.path) == 1


def test_where_there_is_no_cp_a_python_child_copies(ledger, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    assert _count(ledger.path) == 1


def test_a_failed_copy_leaves_the_ledger_and_the_last_snapshot_as_they_are(ledger, monkeypatch, tmp_path):
    ledger.append([a_slice(a_value(1))])
    ledger.publish()
    with monkeypatch.context() as broken:
        broken.setattr(snapshot, "_commands", lambda: (("/bin/sh", "-c", "echo 'disk full' >&2; exit 1"),))
        ledger.append([a_slice(a_value(2))])
        with pytest.raises(SnapshotError, match="disk full"):
            ledger.publish()
    assert _count(ledger.path) == 1
    assert not list(tmp_path.glob("*.tmp"))
    ledger.publish()
    assert _count(ledger.path) == 2
