"""The recorder's loop, with a real ledger and a topic in files."""

import asyncio
import itertools

import pytest

from headgate.reporting import snapshot
from headgate.reporting.errors import SnapshotError
from headgate.reporting.ledger import Ledger
from headgate.reporting.reader import open_for_reading
from headgate.schemas import config
from headgate.workers.recorder.recorder import Recorder
from support.ledgers import FileSource, a_slice, a_value, write_values

_COUNT = "SELECT count(*) FROM usage"


class Heard:
    """A listener that remembers, and lets a test wait for what it hears."""

    def __init__(self):
        self.appends, self.snapshots, self.failures, self.lags = [], 0, [], []
        self._news = asyncio.Event()

    def appended(self, appended, seconds, lag):
        assert seconds >= 0
        self.appends.append(appended)
        self.lags.append(lag)
        self._news.set()

    def published(self, seconds):
        assert seconds >= 0
        self.snapshots += 1
        self._news.set()

    def not_published(self, error):
        self.failures.append(error)
        self._news.set()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    @property
    def rows(self):
        return sum(appended.rows for appended in self.appends)


class Scripted:
    """A source that returns what it is told to, read by read, and notes what it hears."""

    def __init__(self, *reads, endless=None):
        self._reads, self._endless = list(reads), endless
        self.asked, self.heard, self.stopped = [], [], False

    async def start(self, cursors):
        self.heard.append(("start", dict(cursors)))

    async def read(self, max_records, max_wait_seconds):
        assert max_wait_seconds > 0
        self.asked.append(max_records)
        await asyncio.sleep(0)
        if self._reads:
            return self._reads.pop(0)
        return [self._endless()] if self._endless else []

    async def recorded(self, cursors):
        self.heard.append(("recorded", dict(cursors)))

    def lag(self):
        return None if self._endless else len(self._reads)

    async def stop(self):
        self.stopped = True


@pytest.fixture
def path(tmp_path):
    return tmp_path / "l.duckdb"


def _pace(**changes):
    return config.Ledger(**{"batch_rows": 10, "batch_seconds": 0.01, "snapshot_seconds": 3600, **changes})


def _count(path):
    with open_for_reading(path) as reader:
        return reader.rows(_COUNT)[0][0]


async def test_what_is_on_the_topic_is_in_the_ledger_after_a_stop(path, tmp_path):
    write_values(tmp_path, "p0", [a_value(number) for number in range(25)])
    write_values(tmp_path, "p1", [a_value(number) for number in range(25, 30)])
    heard = Heard()
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard)
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.rows >= 10)
    assert recorder.ready
    write_values(tmp_path, "p0", [a_value(number) for number in range(30, 40)])
    recorder.stop(drain_seconds=30)
    await running
    assert (_count(path), heard.rows, heard.lags[-1]) == (40, 40, 0)


async def test_a_stop_before_the_loop_has_begun_is_not_lost_and_drains_all_the_same(path, tmp_path):
    write_values(tmp_path, "p0", [a_value(number) for number in range(25)])
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace())
    recorder.stop(drain_seconds=30)
    await recorder.run()
    assert _count(path) == 25


async def test_the_next_recorder_goes_on_where_the_last_one_stopped(path, tmp_path):
    for first in (0, 5):
        write_values(tmp_path, "p0", [a_value(number) for number in range(first, first + 5)])
        heard = Heard()
        recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard)
        recorder.stop(drain_seconds=30)
        await recorder.run()
        assert [(one.rows, one.duplicates) for one in heard.appends] == [(5, 0)]


async def test_small_reads_are_gathered_until_a_batch_is_full(path):
    reads = [[a_slice(*(a_value(3 * turn + one) for one in range(3)), cursor=str(turn))] for turn in range(5)]
    source, heard = Scripted(*reads), Heard()
    recorder = Recorder(source, Ledger.open(path), _pace(batch_seconds=3600), heard)
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.appends)
    recorder.stop(drain_seconds=30)
    await running
    assert [one.rows for one in heard.appends] == [12, 3]
    assert source.asked[:4] == [10, 7, 4, 1]


async def test_an_incomplete_batch_is_appended_when_it_is_old_enough(path):
    moments = itertools.count()
    source, heard = Scripted([a_slice(a_value(1))]), Heard()
    recorder = Recorder(source, Ledger.open(path), _pace(batch_seconds=5), heard, clock=lambda: float(next(moments)))
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.rows == 1)
    recorder.stop(drain_seconds=0)
    await running


async def test_the_source_hears_of_a_cursor_only_when_the_ledger_holds_it(path):
    source = Scripted([a_slice(a_value(1), cursor="7")])
    ledger = Ledger.open(path)
    append = ledger.append
    ledger.append = lambda slices: (source.heard.append(("append", len(slices))), append(slices))[1]
    recorder = Recorder(source, ledger, _pace())
    recorder.stop(drain_seconds=30)
    await recorder.run()
    assert source.heard == [("start", {}), ("append", 1), ("recorded", {"usage/0": "7"})]
    assert source.stopped


async def test_a_drain_ends_at_its_deadline_when_the_topic_does_not(path):
    numbers, moments = itertools.count(), itertools.count()
    source = Scripted(endless=lambda: a_slice(a_value(next(numbers))))
    recorder = Recorder(source, Ledger.open(path), _pace(), clock=lambda: float(next(moments)))
    recorder.stop(drain_seconds=20)
    async with asyncio.timeout(20):
        await recorder.run()
    assert 0 < _count(path) == next(numbers)


async def test_readers_have_a_snapshot_as_soon_as_the_file_is_owned(path, tmp_path):
    heard = Heard()
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard)
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.snapshots)
    assert _count(path) == 0
    recorder.stop(drain_seconds=0)
    await running


async def test_a_snapshot_follows_new_rows_and_nothing_follows_none(path, tmp_path):
    heard = Heard()
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(snapshot_seconds=0.001), heard)
    write_values(tmp_path, "p0", [a_value(1)])
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.rows == 1 and heard.snapshots >= 1)
    recorder.stop(drain_seconds=30)
    await running
    assert heard.snapshots <= 2
    snapshot_alone = snapshot.snapshot_path(path)
    assert _count(snapshot_alone) == 1


async def test_a_snapshot_that_fails_is_told_and_recording_goes_on(path, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_commands", lambda: (("/bin/sh", "-c", "echo 'disk full' >&2; exit 1"),))
    write_values(tmp_path, "p0", [a_value(1)])
    heard = Heard()
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard)
    running = asyncio.create_task(recorder.run())
    await heard.until(lambda heard: heard.rows == 1 and heard.failures)
    monkeypatch.undo()
    recorder.stop(drain_seconds=30)
    await running
    assert isinstance(heard.failures[0], SnapshotError)
    assert (heard.snapshots, _count(snapshot.snapshot_path(path))) == (1, 1)


async def test_bad_values_and_duplicates_are_counted_and_stop_nothing(path, tmp_path):
    write_values(tmp_path, "p0", [a_value(1), b"junk", a_value(1), b"\xff", a_value(2)])
    heard = Heard()
    recorder = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard)
    recorder.stop(drain_seconds=30)
    await recorder.run()
    assert [(one.rows, one.duplicates, one.bad) for one in heard.appends] == [(2, 1, 2)]


async def test_a_ledger_that_fails_ends_the_recorder_and_the_file_and_the_source_are_given_back(path):
    source, ledger = Scripted([a_slice(a_value(1))]), Ledger.open(path)

    def broken(slices):
        raise OSError("no space left on device")

    ledger.append = broken
    with pytest.raises(OSError, match="no space left"):
        await Recorder(source, ledger, _pace()).run()
    assert source.stopped
    assert ("recorded", {"usage/0": "1"}) not in source.heard
    Ledger.open(path, patience=0).close()


async def test_a_cancelled_recorder_gives_the_file_back_and_the_next_one_misses_nothing(path, tmp_path):
    write_values(tmp_path, "p0", [a_value(number) for number in range(100)])
    heard = Heard()
    running = asyncio.create_task(Recorder(FileSource(tmp_path), Ledger.open(path), _pace(), heard).run())
    await heard.until(lambda heard: heard.appends)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    again = Recorder(FileSource(tmp_path), Ledger.open(path), _pace(batch_rows=1000))
    again.stop(drain_seconds=30)
    await again.run()
    assert _count(path) == 100


def test_a_recorder_shows_its_state(path, tmp_path):
    with Ledger.open(path) as ledger:
        recorder = Recorder(FileSource(tmp_path), ledger, _pace())
        assert repr(recorder) == f"<Recorder not started, lag None, <Ledger {path}>>"
