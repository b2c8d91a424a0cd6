"""The store's book equals the ledger, whatever is lost, away, doubled or killed between any two steps."""

import asyncio
import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.reporting.ledger import Ledger
from headgate.routing.admission.demand import Demand
from headgate.routing.admission.taking import Amounts, Bookkeeping, budgets_of, subject_of
from headgate.routing.admission.verdict import Go
from headgate.schemas.alert import decode_alert
from headgate.schemas.usage import Outcome, encode_event
from headgate.workers.admission.port import Phase
from headgate.workers.recorder.publisher import NotPublished
from support.book_worlds import HOUR_US, World
from support.ledgers import NEW_YEAR_US, an_event, write_values
from support.rulebooks import EVERYTHING

_KEY = {"keys": [{"id": "key-0", "budgets": [{"usd": 1, "per": "day"}]}]}
_NAME = ("key:key-0:usd/day", NEW_YEAR_US)
_WHO = {"key": "rag-nightly", "workspace": "research", "org": "acme", "model": "small", "end_user": "alice"}
_FAULTS = st.sampled_from(["", "", "lost before", "lost after", "down before", "down after"])


def _mine(number, **changes):
    return an_event(number, **{"key": "key-0", **changes})


def _write(world, *events):
    write_values(world.topic, "p0", [encode_event(event) for event in events])


def _demand(world, number, cost=5_000, at_us=None):
    event = _mine(number, ts=world.now_us if at_us is None else at_us)
    budgets = budgets_of(world.rulebook, subject_of(event))
    holds = Bookkeeping().holds(budgets, Amounts(cost_nano=cost), event.ts)
    return Demand(event.event_id, holds=holds)


async def test_a_new_store_on_a_new_ledger_is_ready_at_once_and_no_later_life_is(tmp_path):
    world = World(tmp_path, _KEY, grace=3600)
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
    world.store.lose()
    async with world.recording():
        await world.until(lambda: len(world.told.openings) == 2)
        for _ in range(2):
            looked = world.book.calls.count("state")
            await world.until(lambda looked=looked: world.book.calls.count("state") > looked + 20)
            assert world.store.life.phase is Phase.REBUILDING
            world.ahead += 1799
        world.ahead += 3
        await world.until(lambda: world.store.life.phase is Phase.READY)
    assert world.told.openings == ["it was empty"] * 2


async def test_what_is_appended_is_in_the_store(tmp_path):
    world = World(tmp_path, _KEY)
    _write(world, *(_mine(number) for number in range(10)))
    async with world.recording():
        await world.until_kept(10)
        _write(world, *(_mine(number) for number in range(5, 15)))
        await world.until_kept(15)
    assert world.settled() == world.sums() == {_NAME: sum(1_000 + number for number in range(15))}
    assert world.told.openings == ["it was empty"]


async def test_a_stand_in_is_posted_and_its_real_event_posts_the_difference_to_the_right_windows(tmp_path):
    world = World(tmp_path, {"keys": [{"id": "key-0", "budgets": [{"usd": 1, "per": "hour"}, {"requests": 9}]}]})
    late = NEW_YEAR_US + HOUR_US
    async with world.recording():
        _write(world, _mine(1, outcome=Outcome.UNCERTAIN, cost_nano=700, ts=late - 1))
        await world.until_kept(1)
        assert world.settled()["key:key-0:usd/hour", NEW_YEAR_US] == 700
        _write(world, _mine(1, outcome=Outcome.FAILED, cost_nano=300, ts=late))
        await world.until_kept(2)
    assert world.settled() == world.sums() == {("key:key-0:usd/hour", late): 300}


async def test_a_hold_ends_when_its_event_is_in_the_ledger(tmp_path):
    world = World(tmp_path, _KEY)
    worker = world.worker()
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
        demands = [_demand(world, number) for number in (1, 2, 3)]
        assert all(isinstance(verdict, Go) for verdict in await worker.acquire(demands))
        _write(world, _mine(1), _mine(2, outcome=Outcome.FAILED, cost_nano=0))
        await world.until_kept(2)
    assert set(world.store.life.holds) == {demands[2].attempt_id}
    assert world.settled() == {_NAME: 1_001}


async def test_nobody_spends_before_all_holds_are_back_and_all_usage_is_read(tmp_path):
    world = World(tmp_path, _KEY, grace=3600)
    worker = world.worker()
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
        await worker.acquire([_demand(world, 1), _demand(world, 2)])
        worker.finish(_demand(world, 1).attempt_id, [])
        worker.settle(_demand(world, 1).attempt_id, [1_001])
        _write(world, _mine(1))
        await world.until_kept(1)
        world.store.lose()
        await world.until(lambda: world.store.life.phase is Phase.REBUILDING)
        _write(world, _mine(7))  # it was on its way when the store was lost
        worker.beat()
        world.ahead += 3601
        await world.until(lambda: world.store.life.phase is Phase.READY)
        assert world.settled() == {_NAME: 2_008}
        assert set(world.store.life.holds) == {_demand(world, 2).attempt_id}
    assert world.settled() == world.sums() == {_NAME: 2_008}


async def test_a_lost_store_is_noticed_within_a_second_though_nothing_is_appended(tmp_path):
    world = World(tmp_path, _KEY, poll=0.5)
    _write(world, _mine(1))
    async with world.recording():
        await world.until_kept(1)
        world.store.lose()
        async with asyncio.timeout(1):
            await world.until(lambda: len(world.told.openings) == 2)
        await world.until_kept(1)
    assert world.settled() == world.sums()


async def test_a_store_that_went_back_to_an_older_state_is_filled_anew(tmp_path):
    world = World(tmp_path, _KEY)
    _write(world, _mine(1))
    async with world.recording():
        await world.until_kept(1)
        old = dict(world.store.life.cursors), world.store.life.settled.copy()
        _write(world, _mine(2))
        await world.until_kept(2)
        world.store.life.cursors, world.store.life.settled = old
        await world.until(lambda: len(world.told.openings) == 2)
        await world.until_kept(2)
    assert world.settled() == world.sums()
    assert world.told.openings[-1] == "it did not have what the ledger has"


@pytest.mark.parametrize("fault", ["down before", "down after"])
async def test_the_ledger_goes_on_while_the_store_is_away_and_what_was_missed_is_posted_in_order(tmp_path, fault):
    world = World(tmp_path, _KEY)
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
        world.book.faults_of = {"apply": deque([fault] * 4), "state": deque([fault] * 2)}
        _write(world, *(_mine(number) for number in range(20)))
        await world.until(lambda: len(world.told.troubles) >= 6)
        await world.until_kept(20)
    assert world.settled() == world.sums()
    assert world.told.openings == ["it was empty"], "nothing was lost: there is nothing to fill"


async def test_a_store_that_hangs_does_not_stop_the_ledger(tmp_path):
    world = World(tmp_path, _KEY)
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
        world.book.gate.clear()
        _write(world, *(_mine(number) for number in range(20)))
        trimmed = world.topic / "p0.trimmed"
        size = str((world.topic / "p0.jsonl").stat().st_size)
        await world.until(lambda: trimmed.exists() and trimmed.read_text() == size)
        world.book.gate.set()
        await world.until_kept(20)
    assert world.settled() == world.sums()


async def test_a_store_that_is_away_for_too_long_is_filled_anew(tmp_path):
    world = World(tmp_path, _KEY)
    world._patience = type(world._patience)(grace=0, poll=0.01, postings=5)
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
        world.book.gate.clear()
        _write(world, *(_mine(number) for number in range(20)))
        trimmed = world.topic / "p0.trimmed"
        size = str((world.topic / "p0.jsonl").stat().st_size)
        await world.until(lambda: trimmed.exists() and trimmed.read_text() == size)
        world.book.gate.set()
        await world.until_kept(20)
    assert world.settled() == world.sums()
    assert len(world.told.openings) == 2


async def test_a_recorder_killed_between_the_ledger_and_the_store_leaves_no_gap(tmp_path):
    world = World(tmp_path, _KEY)
    async with world.recording():
        await world.until(lambda: world.store.life.phase is Phase.READY)
    running = asyncio.create_task(world.recorder().run())
    await world.until(lambda: "state" in world.book.calls[-1:])
    world.book.gate.clear()
    _write(world, *(_mine(number) for number in range(5)))
    trimmed = world.topic / "p0.trimmed"
    await world.until(trimmed.exists)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert world.settled() == {}
    assert world.sums()
    world.book.gate.set()
    async with world.recording():
        await world.until_kept(5)
    assert world.settled() == world.sums()


async def test_the_next_recorder_goes_on_with_a_book_that_is_where_the_ledger_is(tmp_path):
    world = World(tmp_path, _KEY)
    for first in (0, 5, 10):
        _write(world, *(_mine(number) for number in range(first, first + 5)))
        async with world.recording():
            await world.until_kept(first)
    assert world.told.openings == ["it was empty"]
    assert world.settled() == world.sums()


async def test_a_book_that_somebody_else_opened_is_filled_anew(tmp_path):
    world = World(tmp_path, _KEY)
    _write(world, _mine(1))
    async with world.recording():
        await world.until_kept(1)
        await world.book._book.open("by hand", {}, [], [])
        await world.until(lambda: len(world.told.openings) == 2)
        await world.until_kept(1)
    assert world.told.openings[1] == "somebody else has emptied it"
    assert world.settled() == world.sums()


@settings(deadline=None, max_examples=10)
@given(
    faults=st.lists(_FAULTS, max_size=15),
    events=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(Outcome), st.integers(0, 50)), max_size=30),
    kills=st.lists(st.integers(1, 6), max_size=1),
    seed=st.integers(0, 2**16),
)
async def test_after_any_faults_and_kills_the_store_has_what_the_ledger_has_to_the_last_unit(
    tmp_path_factory, faults, events, kills, seed
):
    world = World(tmp_path_factory.mktemp("world"), EVERYTHING, now_us=NEW_YEAR_US + 50 * HOUR_US)
    world.book.faults.extend(faults)
    chance = random.Random(seed)
    parts = [events[start::3] for start in range(3)]
    for part in parts:
        _write(
            world,
            *(
                an_event(number, ts=NEW_YEAR_US + hours * HOUR_US, outcome=outcome, cost_nano=100 * number, **_WHO)
                for number, outcome, hours in part
            ),
        )
        for turns in kills:
            running = asyncio.create_task(world.recorder().run())
            for _ in range(turns):
                await asyncio.sleep(chance.random() * 0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    world.book.faults.clear()
    async with world.recording():
        await world.until_kept(events)
    current = world.sums(back_us=HOUR_US)
    settled = world.settled()
    assert {key: settled.get(key, 0) for key in current} == current
    told = {}
    for record in world.publisher.records:
        assert told.setdefault(decode_alert(record.value).alert_id, record.value) == record.value


async def test_thresholds_are_told_once_each_with_what_was_settled(tmp_path):
    world = World(tmp_path, {"keys": [{"id": "key-0", "budgets": [{"tokens": 1000, "alert_at": [0.5, 0.8, 1.0]}]}]})
    tokens = {"input_tokens": 100, "output_tokens": 0}
    async with world.recording():
        for last in (4, 5, 9, 15):
            _write(world, *(_mine(number, **tokens) for number in range(last)))
            await world.until_kept(last)
        await world.until(lambda: world.told.alerts == 3)
    alerts = [decode_alert(record.value) for record in world.publisher.records]
    assert sorted((alert.threshold, alert.settled, alert.limit) for alert in alerts) == [
        (0.5, 500, 1000),
        (0.8, 800, 1000),
        (1.0, 1000, 1000),
    ]
    assert {(alert.budget, alert.unit) for alert in alerts} == {("key:key-0:tokens/month", "tokens")}
    assert alerts[0].window_start <= alerts[0].ts < alerts[0].window_end
    assert [record.key.decode() for record in world.publisher.records] == [alert.alert_id for alert in alerts]


async def test_an_alert_whose_publishing_was_cut_short_comes_again_the_same(tmp_path, monkeypatch):
    world = World(tmp_path, {"keys": [{"id": "key-0", "budgets": [{"tokens": 100, "alert_at": [0.5]}]}]})
    publish, failing = world.publisher.publish, [NotPublished("away")]

    async def published_and_then_cut(records):
        await publish(records)
        if failing:
            raise failing.pop(0)

    world.publisher.publish = published_and_then_cut
    _write(world, _mine(1))
    ledger_hears = Ledger.published

    def killed(self, alert_ids):
        raise RuntimeError("killed before the ledger heard of it")

    monkeypatch.setattr(Ledger, "published", killed)
    with pytest.raises(RuntimeError, match="killed before"):
        await world.recorder().run()
    monkeypatch.setattr(Ledger, "published", ledger_hears)
    async with world.recording():
        await world.until(lambda: world.told.alerts == 1)
    assert len(world.publisher.records) == 3
    assert len({(record.key, record.value) for record in world.publisher.records}) == 1


async def test_a_threshold_that_is_passed_again_after_a_restart_or_a_correction_is_not_told_again(tmp_path):
    world = World(tmp_path, {"keys": [{"id": "key-0", "budgets": [{"tokens": 100, "alert_at": [0.5]}]}]})
    stand_in = _mine(1, outcome=Outcome.UNCERTAIN, input_tokens=60, output_tokens=0)
    for event in (stand_in, _mine(1, input_tokens=1, output_tokens=0), _mine(2, input_tokens=90, output_tokens=0)):
        _write(world, event)
        async with world.recording():
            await world.until_kept(1)
            await world.until(lambda: world.told.alerts == 1)
    assert len(world.publisher.records) == 1


async def test_what_breaks_the_keeper_ends_the_recorder(tmp_path):
    world = World(tmp_path, _KEY)

    async def broken():
        raise ZeroDivisionError

    world.book.state = broken
    with pytest.raises(ZeroDivisionError):
        await world.recorder().run()
