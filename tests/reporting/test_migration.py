"""A ledger of an older release is brought up, with all that is in it."""

import duckdb
import msgspec
import pytest

from headgate.reporting import migrate, sql
from headgate.reporting.errors import ForeignLedgerError
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.schemas.usage import Outcome
from support.ledgers import a_slice, a_value, an_event

_NEW = {
    "org",
    "end_user",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "cached_audio_tokens",
    "output_audio_tokens",
    "service_tier_asked",
    "service_tier",
    "units",
    "calls",
}


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A ledger as the first release made it, with the events 1 to 3."""
    path = tmp_path / "l.duckdb"
    monkeypatch.setattr(migrate, "migrations", lambda: sql.migrations()[:1])
    Ledger.open(path).close()
    monkeypatch.undo()
    with duckdb.connect(str(path)) as connection:
        for number in (1, 2, 3):
            row = {name: value for name, value in msgspec.structs.asdict(an_event(number)).items() if name not in _NEW}
            names, marks = ", ".join(row), ", ".join(f"${name}" for name in row).replace("$ts", "make_timestamp($ts)")
            connection.execute(f"INSERT INTO usage ({names}) VALUES ({marks})", row)
        connection.execute("INSERT INTO bus_cursor VALUES ('usage/0', '3')")
    return path


def test_an_old_ledger_keeps_its_rows_and_its_cursors_and_takes_new_events(old):
    with Ledger.open(old) as ledger:
        assert ledger.cursors() == {"usage/0": "3"}
        appended = ledger.append(
            [a_slice(a_value(3), a_value(4, org="acme", end_user="alice", units=3, calls=2), cursor="4")]
        )
        assert (appended.rows, appended.duplicates) == (1, 1)
    with open_for_reading(old) as reader:
        assert reader.rows("SELECT org, end_user, units, calls, cost_usd > 0 FROM usage_usd ORDER BY ts") == [
            *[(None, None, 0, 1, True)] * 3,
            ("acme", "alice", 3, 2, True),
        ]


def test_a_stand_in_of_an_old_ledger_is_replaced(old):
    with duckdb.connect(str(old)) as connection:
        connection.execute("UPDATE usage SET outcome = 'uncertain', cost_nano = 77 WHERE request_id = 'request-2'")
    with Ledger.open(old) as ledger:
        changes = []
        ledger.append([a_slice(a_value(2), cursor="4")], lambda seen: changes.extend(seen) or ())
    assert [change.replaced for change in changes] == [an_event(2, outcome=Outcome.UNCERTAIN, cost_nano=77)]


def test_an_old_ledger_is_not_read_before_it_is_brought_up(old):
    with pytest.raises(ForeignLedgerError, match="start the recorder once"):
        open_for_reading(old)


def test_a_ledger_that_could_not_be_brought_up_to_the_end_is_as_it_was(old, tmp_path, monkeypatch):
    """A recorder that is killed half way leaves the same: nobody finds a file between two releases."""
    broken = tmp_path / "9999_broken.sql"
    broken.write_text("SELECT nothing FROM nowhere")
    monkeypatch.setattr(migrate, "migrations", lambda: (*sql.migrations(), broken))
    with pytest.raises(duckdb.CatalogException):
        Ledger.open(old)
    monkeypatch.undo()
    with duckdb.connect(str(old), read_only=True) as connection:
        assert migrate.version_of(connection) == 1
        assert "org" not in {name for name, *_ in connection.execute("DESCRIBE usage").fetchall()}
    Ledger.open(old).close()


def test_events_of_older_releases_are_read():
    value = msgspec.json.encode(
        {name: value for name, value in msgspec.to_builtins(an_event(1)).items() if name not in _NEW}
    )
    assert msgspec.json.decode(value, type=type(an_event(1))) == an_event(1)
