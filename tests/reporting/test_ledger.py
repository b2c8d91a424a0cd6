"""The ledger appends exactly once, whatever comes, and gives back what it was given."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.reporting.errors import BusyLedgerError, ForeignLedgerError
from headgate.reporting.ledger import Appended, Ledger
from headgate.reporting.opening import connect_patiently
from headgate.reporting.reader import open_for_reading
from headgate.schemas.usage import Cause, Outcome, UsageEvent, encode_event
from support.ledgers import NEW_YEAR_US, a_slice, a_value

_DAY_US = 86_400_000_000
_TESTS = Path(__file__).parents[1]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.duckdb") as owned:
        yield owned


def _read(ledger, text, values=None):
    """Look into a ledger that is open, through its own connection."""
    return ledger._connection.execute(text, values).fetchall()


def _opened_elsewhere(path):
    """Try to open a file in another process; return its exit status and what it said."""
    program = f"import duckdb; duckdb.connect({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_every_field_of_an_event_comes_back_as_it_was(ledger):
    event = UsageEvent(
        event_id="0192b3c4-0000-8000-8000-00000000abcd",
        request_id="headgate.requests.standard/3/77 \u00e9\U0001f600 \x00 '\"\\",
        ts=NEW_YEAR_US + 123_456,
        outcome=Outcome.FAILED,
        cause=Cause.FALLBACK,
        attempt=3,
        key="rag",
        lane="bulk",
        endpoint="/v1/responses",
        model="large",
        deployment="large-b",
        provider="my-vllm",
        upstream_model="qwen3-8b",
        batch="nightly",
        workspace="research",
        code="rate_limited",
        http_status=429,
        provider_request_id="req_1",
        input_tokens=2**40,
        cached_tokens=2,
        cache_write_tokens=3,
        output_tokens=4,
        reasoning_tokens=5,
        cost_nano=10**18 - 1,
        price_version="config",
        queue_ms=2**41,
        latency_ms=7,
        metadata={"team": "search", "": "empty", "\u00fc": "\u00fc"},
        org="acme",
        end_user="alice",
        cache_write_1h_tokens=1,
        input_audio_tokens=2**33,
        cached_audio_tokens=6,
        output_audio_tokens=7,
        service_tier_asked="flex",
        service_tier="default",
    )
    ledger.append([a_slice(encode_event(event))])
    columns = [name for name, *_ in ledger._connection.execute("SELECT * FROM usage").description]
    row = _read(ledger, "SELECT * REPLACE (CAST(event_id AS VARCHAR) AS event_id, epoch_us(ts) AS ts) FROM usage")[0]
    assert msgspec.convert(dict(zip(columns, row, strict=True)), UsageEvent) == event


def test_the_columns_of_the_table_are_the_fields_of_an_event_in_their_order(ledger):
    columns = [name for name, *_ in ledger._connection.execute("SELECT * FROM usage").description]
    assert columns == list(UsageEvent.__struct_fields__)


def test_an_absent_value_is_null_and_not_an_empty_text(ledger):
    ledger.append([a_slice(a_value(1, batch=None, code=None, http_status=None))])
    assert _read(ledger, "SELECT batch, workspace, code, http_status FROM usage") == [(None, None, None, None)]


def test_an_event_of_an_older_gateway_gets_the_defaults_of_the_fields_it_lacks(ledger):
    old = msgspec.json.decode(a_value(1))
    for field in ("reasoning_tokens", "metadata", "queue_ms"):
        del old[field]
    assert ledger.append([a_slice(msgspec.json.encode(old))]).rows == 1
    assert _read(ledger, "SELECT reasoning_tokens, metadata, queue_ms FROM usage") == [(0, {}, 0)]


def test_an_event_of_a_newer_gateway_is_kept_without_the_fields_that_are_new(ledger):
    new = {**msgspec.json.decode(a_value(1)), "invented_later": {"deep": [1]}}
    assert ledger.append([a_slice(msgspec.json.encode(new))]) == Appended(rows=1)


def test_the_same_event_is_appended_once_within_a_batch_and_across_batches(ledger):
    assert ledger.append([a_slice(a_value(1), a_value(2), a_value(1))]) == Appended(rows=2, duplicates=1)
    assert ledger.append([a_slice(a_value(2), a_value(3))]) == Appended(rows=1, duplicates=1)
    assert _read(ledger, "SELECT count(*) FROM usage") == [(3,)]


def test_an_event_that_comes_again_a_day_earlier_or_later_is_known_for_the_same(ledger):
    ledger.append([a_slice(a_value(1), a_value(2))])
    again = [a_value(1, ts=NEW_YEAR_US + _DAY_US), a_value(2, ts=NEW_YEAR_US - _DAY_US)]
    assert ledger.append([a_slice(*again)]) == Appended(duplicates=2)


def test_cursors_come_back_and_the_last_slice_of_a_partition_wins(ledger):
    ledger.append([a_slice(a_value(1), partition="a", cursor="1"), a_slice(a_value(2), partition="b", cursor="x-0")])
    ledger.append([a_slice(a_value(3), partition="a", cursor="2"), a_slice(a_value(4), partition="a", cursor="3")])
    assert ledger.cursors() == {"a": "3", "b": "x-0"}


def test_a_slice_without_values_still_moves_its_cursor(ledger):
    assert ledger.append([a_slice(partition="a", cursor="9")]) == Appended()
    assert ledger.cursors() == {"a": "9"}


@pytest.mark.parametrize("step", ["_insert", "_refuse", "_advance"])
def test_an_append_that_fails_leaves_neither_rows_nor_cursors(ledger, monkeypatch, step):
    ledger.append([a_slice(a_value(1), cursor="1")])
    whole = getattr(ledger, step)

    def broken(*args):
        whole(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, step, broken)
    with pytest.raises(KeyboardInterrupt):
        ledger.append([a_slice(a_value(2), b"junk", cursor="2")])
    monkeypatch.undo()
    assert _read(ledger, "SELECT count(*), (SELECT count(*) FROM bad_event) FROM usage") == [(1, 0)]
    assert ledger.cursors() == {"usage/0": "1"}
    assert ledger.append([a_slice(a_value(2), b"junk", cursor="2")]) == Appended(rows=1, bad=1)


_GOOD = a_value(1)
_BAD = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe",
    "not UTF-8 inside": _GOOD.replace(b"search", b"\xffearch"),
    "not JSON": b"{nope",
    "a list": b"[]",
    "null": b"null",
    "another object": b'{"a": 1}',
    "an id that is no UUID": a_value(1, event_id="1"),
    "an id in capitals": a_value(1, event_id="0192B3C4-0000-8000-8000-00000000ABCD"),
    "an unknown outcome": _GOOD.replace(b'"succeeded"', b'"maybe"'),
    "money as a fraction": _GOOD.replace(b'"cost_nano":1001', b'"cost_nano":1001.5'),
    "money as a text": _GOOD.replace(b'"cost_nano":1001', b'"cost_nano":"1001"'),
    "negative money": a_value(1, cost_nano=-1),
    "a billion dollars": a_value(1, cost_nano=10**18),
    "more money than 64 bits": _GOOD.replace(b'"cost_nano":1001', b'"cost_nano":99999999999999999999'),
    "negative tokens": a_value(1, output_tokens=-1),
    "a time before 1970": a_value(1, ts=-1),
    "a time after 9999": a_value(1, ts=253_402_300_800_000_000),
    "an attempt beyond 32 bits": a_value(1, attempt=2**31),
    "half of a surrogate pair": _GOOD.replace(b"search", b"\\ud800"),
    "nesting without end": _GOOD[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("shared") / "l.duckdb") as owned:
        yield owned


@pytest.mark.parametrize("raw", _BAD.values(), ids=_BAD.keys())
def test_what_is_no_event_is_kept_byte_for_byte_with_a_reason_and_stops_nothing(shared, raw):
    neighbours = [a_value(next(_NUMBERS)), a_value(next(_NUMBERS))]
    before = _read(shared, "SELECT count(*) FROM bad_event")[0][0]
    assert shared.append([a_slice(neighbours[0], raw, neighbours[1], partition="p")]) == Appended(rows=2, bad=1)
    kept = _read(
        shared, "SELECT partition, raw, reason <> '' FROM bad_event ORDER BY rowid OFFSET $before", {"before": before}
    )
    assert kept == [("p", raw, True)]


def test_what_passes_the_check_but_not_the_database_is_bad_too(ledger, monkeypatch):
    monkeypatch.setattr("headgate.reporting.check._UUID", re.compile(".*"))
    assert ledger.append([a_slice(a_value(1, event_id="odd"), a_value(2))]) == Appended(rows=1, bad=1)
    assert _read(ledger, "SELECT reason FROM bad_event") == [("DuckDB cannot store this event",)]


_NUMBERS = itertools.count(1_000_000)
_ARRIVALS = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(_ARRIVALS, st.data())
def test_in_whatever_order_and_batches_they_come_the_real_event_is_what_stays(shared, arrivals, data):
    first = next(_NUMBERS)
    for _ in range(3):
        next(_NUMBERS)
    values = [_arrival(first + event, real=real) for event, real in arrivals]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values) - 1)), "cuts")) if len(values) > 1 else []
    batches = [values[a:b] for a, b in itertools.pairwise([0, *cuts, len(values)])]

    results = [shared.append([a_slice(*batch)]) for batch in batches]

    kept = _read(
        shared,
        "SELECT request_id, outcome, cost_nano FROM usage WHERE list_contains($ids, request_id) ORDER BY 1",
        {"ids": [f"request-{first + event}" for event in range(4)]},
    )
    expected = {}
    for event, real in arrivals:
        expected[event] = expected.get(event, False) or real
    assert kept == sorted(
        (f"request-{first + event}", "succeeded" if real else "uncertain", 1_000 + first + event if real else 5)
        for event, real in expected.items()
    )
    assert sum(result.rows for result in results) == len(expected)
    for batch, result in zip(batches, results, strict=True):
        assert result.rows + result.settled + result.duplicates + result.bad == len(batch)


def _arrival(number, *, real):
    return (
        a_value(number) if real else a_value(number, outcome=Outcome.UNCERTAIN, cost_nano=5, ts=NEW_YEAR_US + _DAY_US)
    )


def test_settling_is_counted_apart_from_new_rows(ledger):
    stand_in = a_value(1, outcome=Outcome.UNCERTAIN)
    assert ledger.append([a_slice(stand_in)]) == Appended(rows=1)
    assert ledger.append([a_slice(a_value(1))]) == Appended(settled=1)
    assert ledger.append([a_slice(stand_in)]) == Appended(duplicates=1)


def test_sums_are_exact_beyond_64_bits(ledger):
    ledger.append([a_slice(*(a_value(number, cost_nano=10**18 - 1) for number in range(20)))])
    assert _read(ledger, "SELECT sum(cost_nano) FROM usage") == [(20 * (10**18 - 1),)]
    assert str(_read(ledger, "SELECT sum(cost_usd) FROM usage_usd")[0][0]) == "19999999999.999999980"


def test_the_second_owner_is_told_who_has_the_file(ledger):
    status, said = _opened_elsewhere(ledger.path)
    assert (status, "Could not set lock" in said) == (1, True)
    program = f"from headgate.reporting.ledger import Ledger; Ledger.open({str(ledger.path)!r}, patience=0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "BusyLedgerError" in done.stderr
    assert f"process {os.getpid()} has; stop it first" in done.stderr


def test_a_second_owner_in_the_same_process_is_refused_and_the_first_keeps_its_lock(ledger):
    with pytest.raises(BusyLedgerError, match="this process has"):
        Ledger.open(ledger.path, patience=0)
    assert _opened_elsewhere(ledger.path)[0] == 1


def test_an_owner_waits_for_a_reader_that_is_about_to_go(ledger):
    path = ledger.path
    ledger.close()
    reader = open_for_reading(path)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        reader.close()

    connect_patiently(path, options={}, patience=5, clock=lambda: 0.0, sleep=sleep).close()
    assert len(waits) == 1


def test_a_file_of_a_newer_release_is_not_touched(ledger):
    _read(ledger, "INSERT INTO schema_version VALUES (99, 'from the future', TIMESTAMP '2030-01-01')")
    ledger.close()
    with pytest.raises(ForeignLedgerError, match="found 99"):
        Ledger.open(ledger.path)
    with pytest.raises(ForeignLedgerError, match="found 99"):
        open_for_reading(ledger.path)
    duckdb.connect(str(ledger.path)).close()  # the failed attempts gave the file back


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path):
    path = tmp_path / "notes.duckdb"
    path.write_text("no database" * 1000)
    with pytest.raises(ForeignLedgerError, match="not a valid DuckDB database"):
        Ledger.open(path)


def test_a_full_disk_ends_an_append_in_words_and_costs_nothing_that_was_committed(tmp_path):
    program = f"""
import resource
from headgate.reporting.errors import UnwritableLedgerError
from headgate.reporting.ledger import Ledger
from support.ledgers import a_slice, a_value

ledger = Ledger.open({str(tmp_path / "l.duckdb")!r})
ledger.append([a_slice(a_value(0), cursor="before")])
ledger.publish()
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
try:
    ledger.append([a_slice(*map(a_value, range(4_000)), cursor="never")])
except UnwritableLedgerError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_ENVIRONMENT)
    assert re.fullmatch(".*: expected to write the ledger: .*File too large; nothing is lost: .*\n", done.stdout)
    with Ledger.open(tmp_path / "l.duckdb") as again:
        assert again.cursors() == {"usage/0": "before"}
        assert _read(again, "SELECT count(*) FROM usage") == [(1,)]
        assert again.append([a_slice(*map(a_value, range(4_000)))]) == Appended(rows=3_999, duplicates=1)


def test_opening_again_migrates_nothing_twice(ledger):
    ledger.append([a_slice(a_value(1))])
    ledger.close()
    with Ledger.open(ledger.path) as again:
        assert _read(again, "SELECT version, name FROM schema_version ORDER BY version") == [
            (1, "0001_usage.sql"),
            (2, "0002_admission.sql"),
            (3, "0003_service_tiers.sql"),
            (4, "0004_units.sql"),
            (5, "0005_calls.sql"),
        ]
        assert again.cursors() == {"usage/0": "1"}


def test_tools_with_duckdb_1_5_can_read_the_file(ledger):
    tags = _read(ledger, "SELECT tags FROM duckdb_databases() WHERE NOT internal")
    assert tags[0][0]["storage_version"].startswith("v1.5")


def test_importing_the_room_does_not_import_duckdb():
    program = "import sys, headgate.reporting, headgate.reporting.errors; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
