"""The health port: one suite over its peers, in memory and on a Valkey server; expected values by hand."""

import asyncio
import logging

import pytest

from headgate.routing.health.breaker import CLOSED, HALF_OPEN, Open, Sign
from headgate.routing.health.rules import credential_name
from headgate.workers.health.port import HealthStatus
from headgate.workers.health.redis import Pace
from support.admissions import START, Clock
from support.healths import LEASE, SECOND, MemoryWorld, RedisWorld
from support.valkey import fresh_prefix

CREDENTIAL = credential_name("openai")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "valkey", "redis"])
async def world(request, clock):
    if request.param == "memory":
        world = MemoryWorld(clock)
    else:
        world = RedisWorld(clock, request.getfixturevalue(f"{request.param}_url"), fresh_prefix())
    yield world
    await world.close()


@pytest.fixture
async def apart(clock, valkey_url):
    """A store that can be cut off."""
    world = RedisWorld(clock, valkey_url, fresh_prefix())
    yield world
    await world.close()


def tell(health, clock, well=0, ill=0, name="d", began=None):
    """Report calls that ended, each with a name of its own."""
    for number in range(well + ill):
        sign = Sign.WELL if number < well else Sign.ILL
        health.report(name, sign, f"{name}{number}", clock() if began is None else began)


async def opened(world, clock, *workers):
    """Workers who know that `d` is open."""
    for _ in range(2):
        tell(workers[0], clock, ill=2)
        await world.exchange(workers[0])
    await world.exchange(*workers)


async def half_open(world, clock, *workers):
    await opened(world, clock, *workers)
    clock.now += 5 * SECOND


# Opening


async def test_what_nobody_has_called_is_closed(world, clock):
    health = world.worker("w")
    await world.exchange(health)
    assert health.state("d", clock()) is CLOSED
    assert await health.may_probe("d", "call", 60)


async def test_the_calls_of_all_workers_count_together(world, clock):
    first, second = world.worker("first"), world.worker("second")
    tell(first, clock, well=2, ill=1)
    tell(second, clock, ill=1)
    await world.exchange(first, second, first)
    assert first.state("d", clock()) == second.state("d", clock()) == Open(clock() + 5 * SECOND)
    assert first.state("e", clock()) is CLOSED


async def test_too_few_calls_or_failures_open_nothing(world, clock):
    health = world.worker("w")
    tell(health, clock, ill=3)
    tell(health, clock, well=2, ill=1, name="e")
    tell(health, clock, well=9, name="e")
    await world.exchange(health)
    tell(health, clock, ill=7, name="e", well=0)  # they come after the successes that outweigh them
    assert (health.state("d", clock()), health.state("e", clock())) == (CLOSED, CLOSED)


async def test_calls_are_forgotten_when_the_window_has_passed(world, clock):
    health = world.worker("w")
    for name, seconds, state in (("d", 10, CLOSED), ("e", 9, Open(clock() + 24 * SECOND))):
        tell(health, clock, ill=3, name=name)
        await world.exchange(health)
        clock.now += seconds * SECOND
        tell(health, clock, ill=1, name=name)
        await world.exchange(health)
        assert health.state(name, clock()) == state


async def test_one_fault_of_a_credential_is_enough(world, clock):
    health = world.worker("w")
    tell(health, clock, well=9, ill=1, name=CREDENTIAL)
    await world.exchange(health)
    assert health.state(CREDENTIAL, clock()) == Open(clock() + 60 * SECOND)


async def test_a_credential_is_left_alone_for_as_long_as_its_provider_asks_if_that_is_longer(world, clock):
    health = world.worker("w")
    health.report(CREDENTIAL, Sign.ILL, "a", clock(), 90.0)
    await world.exchange(health)
    assert health.state(CREDENTIAL, clock()) == Open(clock() + 90 * SECOND)
    clock.now += 90 * SECOND
    assert health.state(CREDENTIAL, clock()) is HALF_OPEN


async def test_chance_makes_a_cooldown_longer(world, clock):
    health = world.worker("w", chance=lambda: 0.5)
    await opened(world, clock, health)
    assert health.state("d", clock()) == Open(clock() + 5_250_000)


# Pauses


async def test_a_pause_holds_for_all_and_ends_by_itself(world, clock):
    first, second = world.worker("first"), world.worker("second")
    first.report("d", Sign.NONE, "a", clock(), 30.0)
    await world.exchange(first, second)
    assert first.state("d", clock()) == second.state("d", clock()) == Open(clock() + 30 * SECOND)
    clock.now += 30 * SECOND
    assert first.state("d", clock()) is CLOSED
    await world.exchange(second)
    assert second.state("d", clock()) is CLOSED


async def test_a_shorter_pause_does_not_shorten_a_longer_one(world, clock):
    first, second = world.worker("first"), world.worker("second")
    first.report("d", Sign.NONE, "a", clock(), 30.0)
    await world.exchange(first)
    second.report("d", Sign.NONE, "b", clock(), 10.0)
    await world.exchange(second)
    assert second.state("d", clock()) == Open(clock() + 30 * SECOND)


async def test_a_pause_lengthens_a_cooldown_and_does_not_shorten_it(world, clock):
    health = world.worker("w")
    await opened(world, clock, health)
    health.report("d", Sign.NONE, "a", clock(), 3.0)
    await world.exchange(health)
    assert health.state("d", clock()) == Open(clock() + 5 * SECOND)
    health.report("d", Sign.NONE, "b", clock(), 7.0)
    await world.exchange(health)
    assert health.state("d", clock()) == Open(clock() + 7 * SECOND)


async def test_calls_count_while_a_closed_circuit_is_paused(world, clock):
    health = world.worker("w")
    health.report("d", Sign.ILL, "a", clock(), 8.0)
    await world.exchange(health)
    tell(health, clock, ill=3)
    await world.exchange(health)
    clock.now += 8 * SECOND
    assert health.state("d", clock()) is HALF_OPEN


# Probes


async def test_one_call_of_the_fleet_may_probe(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert (first.state("d", clock()), second.state("d", clock())) == (HALF_OPEN, HALF_OPEN)
    assert await first.may_probe("d", "p", 60)
    assert not await second.may_probe("d", "q", 60)
    assert second.state("d", clock()) == Open(clock() + LEASE)
    assert not await first.may_probe("d", "r", 60)
    assert first.state("d", clock()) == Open(clock() + LEASE)


async def test_of_many_who_ask_at_once_one_may_probe(world, clock):
    workers = [world.worker(f"w{number}") for number in range(4)]
    await half_open(world, clock, *workers)
    asked = [
        worker.may_probe("d", f"{number}{place}", 60) for number in range(5) for place, worker in enumerate(workers)
    ]
    assert sum(await asyncio.gather(*asked)) == 1


async def test_nobody_may_probe_before_the_cooldown_is_over(world, clock):
    health = world.worker("w")
    await opened(world, clock, health)
    clock.now += 5 * SECOND - 1
    assert not await health.may_probe("d", "p", 60)


async def test_a_probe_that_is_answered_closes_the_circuit_for_all(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first, second)
    assert (first.state("d", clock()), second.state("d", clock())) == (CLOSED, CLOSED)
    tell(second, clock, ill=3)  # the window was forgotten
    await world.exchange(second)
    assert second.state("d", clock()) is CLOSED


async def test_a_probe_that_fails_opens_it_for_twice_as_long(world, clock):
    health = world.worker("w")
    await opened(world, clock, health)
    for cooldown, longer in ((5, 10), (10, 20), (20, 20)):
        clock.now += cooldown * SECOND
        assert await health.may_probe("d", f"p{clock()}", 60)
        health.report("d", Sign.ILL, f"p{clock()}", clock())
        await world.exchange(health)
        assert health.state("d", clock()) == Open(clock() + longer * SECOND)


async def test_a_probe_that_was_given_up_leaves_its_place_to_another(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.NONE, "p", clock())
    await world.exchange(first)
    assert await second.may_probe("d", "q", 60)


async def test_a_probe_that_is_refused_for_its_rate_pauses_and_leaves_its_place(world, clock):
    health = world.worker("w")
    await half_open(world, clock, health)
    assert await health.may_probe("d", "p", 60)
    health.report("d", Sign.NONE, "p", clock(), 7.0)
    await world.exchange(health)
    assert health.state("d", clock()) == Open(clock() + 7 * SECOND)
    clock.now += 7 * SECOND
    assert health.state("d", clock()) is HALF_OPEN
    assert await health.may_probe("d", "q", 60)


async def test_a_dead_workers_probe_gives_way_to_the_next(world, clock):
    dead, alive = world.worker("dead"), world.worker("alive")
    await half_open(world, clock, dead, alive)
    assert await dead.may_probe("d", "p", 600)
    clock.now += LEASE - 1
    await world.exchange(alive)
    assert not await alive.may_probe("d", "q", 600)
    clock.now += 1
    assert alive.state("d", clock()) is HALF_OPEN
    assert await alive.may_probe("d", "q", 600)
    dead.report("d", Sign.WELL, "p", clock())
    await world.exchange(dead, alive)
    assert alive.state("d", clock()) == Open(clock() + LEASE)


async def test_a_probe_is_waited_for_while_its_worker_lives_but_not_for_ever(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 25)
    for _ in range(4):
        clock.now += 6 * SECOND
        await world.exchange(first, second)
        assert not await second.may_probe("d", "q", 25)
        left = START + 30 * SECOND - clock()
        assert second.state("d", clock()) == Open(clock() + min(LEASE, left))
    clock.now += SECOND
    await world.exchange(first, second)
    assert await second.may_probe("d", "q", 25)


async def test_a_probe_that_is_answered_late_closes_the_circuit_if_nobody_else_probes(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 5)
    clock.now += 8 * SECOND
    await world.exchange(first, second)
    assert second.state("d", clock()) is HALF_OPEN
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first, second)
    assert second.state("d", clock()) is CLOSED


async def test_who_stops_gives_its_probe_back(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 600)
    running = asyncio.create_task(first.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await second.may_probe("d", "q", 600)


async def test_whoever_asks_when_it_has_closed_meanwhile_may_go(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first)
    assert second.state("d", clock()) is HALF_OPEN  # it has not heard yet
    assert await second.may_probe("d", "q", 60)
    assert second.state("d", clock()) is CLOSED


# Who is not believed


async def test_only_the_probe_is_believed_while_a_circuit_is_not_closed(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await opened(world, clock, first)  # the second has not heard
    tell(second, clock, well=50, ill=50)
    await world.exchange(second)
    clock.now += 5 * SECOND
    tell(second, clock, well=50, ill=50)
    await world.exchange(second, first)
    assert first.state("d", clock()) is HALF_OPEN
    assert await first.may_probe("d", "p", 60)
    tell(first, clock, well=50, ill=50)
    await world.exchange(first, second)
    assert second.state("d", clock()) == Open(clock() + LEASE)


async def test_calls_that_began_before_it_closed_open_it_no_more(world, clock):
    first, second = world.worker("first"), world.worker("second")
    began = clock()
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 60)
    clock.now += SECOND
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first, second)
    for health in (first, second):
        tell(health, clock, ill=20, began=began)
        await world.exchange(health)
        assert health.state("d", clock()) is CLOSED
    tell(second, clock, ill=4)
    await world.exchange(second)
    assert second.state("d", clock()) == Open(clock() + 5 * SECOND)


async def test_calls_that_were_made_while_it_was_open_say_nothing_when_it_has_closed(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first)
    second.report("d", Sign.ILL, "late", clock())  # it has not heard that it is closed
    tell(second, clock, ill=3)
    await world.exchange(second)
    assert second.state("d", clock()) is CLOSED


async def test_calls_that_end_while_a_worker_hears_that_it_is_open_say_nothing_later(apart, clock):
    first, second = apart.worker("first"), apart.worker("second")
    await half_open(apart, clock, first)
    apart.link.meanwhile = lambda: tell(second, clock, ill=4)
    await apart.exchange(second)
    apart.link.meanwhile = lambda: None
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.WELL, "p", clock())
    await apart.exchange(first, second)
    assert second.state("d", clock()) is CLOSED


# Hearing of it


async def test_whoever_listens_hears_of_each_change_and_of_nothing_else(world, clock):
    first, second = world.worker("first"), world.worker("second")
    heard = []
    closings = []
    second.listen(lambda closed: (heard.append(second.state("d", clock())), closings.extend(closed)))
    await opened(world, clock, first)
    await world.exchange(second, second)
    assert heard == [Open(clock() + 5 * SECOND)]
    clock.now += 5 * SECOND
    await world.exchange(second)
    assert len(heard) == 1  # whoever waits knows the time
    assert await first.may_probe("d", "p", 60)
    await world.exchange(second, second)
    assert heard[1:] == [Open(clock() + LEASE)]
    first.report("d", Sign.WELL, "p", clock())
    await world.exchange(first, second, second)
    assert heard[2:] == [CLOSED]
    assert closings == ["d"]


async def test_the_one_whose_call_opened_it_counts_the_opening(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    assert first.status() == HealthStatus(True, {"d": HALF_OPEN, "e": CLOSED}, {"d": 1})
    assert second.status() == HealthStatus(True, {"d": HALF_OPEN, "e": CLOSED}, {})
    assert await second.may_probe("d", "p", 60)
    assert second.status().circuits["d"] is HALF_OPEN  # not open: a probe is under way
    second.report("d", Sign.ILL, "p", clock())
    await world.exchange(second, first)
    assert second.status() == HealthStatus(True, {"d": Open(clock() + 10 * SECOND), "e": CLOSED}, {"d": 1})
    assert first.status().openings == {"d": 1}


async def test_names_may_hold_anything(world, clock):
    health = world.worker("w")
    name = "größe {1} * \x00 :#2"
    health.report(name, Sign.NONE, "a", clock(), 30.0)
    await world.exchange(health)
    assert health.state(name, clock()) == Open(clock() + 30 * SECOND)


async def test_a_circuit_that_nobody_probes_for_a_day_is_forgotten(world, clock):
    health = world.worker("w")
    await half_open(world, clock, health)
    clock.now += 86_400 * SECOND
    await world.exchange(health)
    assert health.state("d", clock()) is HALF_OPEN
    clock.now += 1
    await world.exchange(health)
    assert health.state("d", clock()) is CLOSED


# Without a store


async def test_a_store_that_has_lost_all_circuits_takes_them_from_who_remembers(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await opened(world, clock, first, second)
    second.report("e", Sign.NONE, "a", clock(), 30.0)
    await world.exchange(second)
    await world.lose()
    clock.now += SECOND
    await world.exchange(second, first)
    for health in (first, second):
        assert health.state("d", clock()) == Open(clock() + 4 * SECOND)
        assert health.state("e", clock()) == Open(clock() + 29 * SECOND)
    clock.now += 4 * SECOND
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.ILL, "p", clock())
    await world.exchange(first)
    assert first.state("d", clock()) == Open(clock() + 10 * SECOND)  # it still knows that this is the second time


async def test_what_a_worker_remembers_takes_nothing_back_that_the_store_has_learned_since(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await half_open(world, clock, first, second)
    await world.lose()
    await world.exchange(first)
    assert await first.may_probe("d", "p", 60)
    first.report("d", Sign.ILL, "p", clock())
    await world.exchange(first, second, first)
    assert first.state("d", clock()) == second.state("d", clock()) == Open(clock() + 10 * SECOND)


async def test_without_the_store_each_worker_goes_by_what_it_sees(apart, clock, caplog):
    caplog.set_level(logging.INFO, logger="headgate.workers.health")
    first, second = apart.worker("first"), apart.worker("second")
    await half_open(apart, clock, first, second)
    apart.link.is_cut = True
    assert await first.may_probe("d", "p", 60)
    assert await second.may_probe("d", "q", 60)
    first.report("d", Sign.WELL, "p", clock())
    second.report("d", Sign.ILL, "q", clock())
    tell(first, clock, ill=4, name="e")
    await apart.exchange(first, second, first, second)
    assert first.state("d", clock()) is CLOSED
    assert second.state("d", clock()) == Open(clock() + 10 * SECOND)
    assert first.state("e", clock()) == Open(clock() + 5 * SECOND)
    assert second.state("e", clock()) is CLOSED
    assert not first.status().shared
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]  # once for each


async def test_when_the_store_is_back_its_word_holds(apart, clock, caplog):
    caplog.set_level(logging.INFO, logger="headgate.workers.health")
    first, second = apart.worker("first"), apart.worker("second")
    await opened(apart, clock, first, second)
    apart.link.is_cut = True
    tell(first, clock, ill=4, name="e")
    await apart.exchange(first)
    apart.link.is_cut = False
    await apart.exchange(first)
    assert first.state("d", clock()) == Open(clock() + 5 * SECOND)
    assert first.state("e", clock()) is CLOSED
    assert first.status().shared
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_store_that_comes_back_empty_takes_what_was_found_without_it(apart, clock):
    first, second = apart.worker("first"), apart.worker("second")
    await apart.exchange(first, second)
    apart.link.is_cut = True
    tell(first, clock, ill=4)
    await apart.exchange(first)
    await apart.lose()
    apart.link.is_cut = False
    await apart.exchange(first, second)
    assert second.state("d", clock()) == Open(clock() + 5 * SECOND)


async def test_nothing_is_left_behind_but_the_name_of_a_life(apart, clock):
    health = apart.worker("w")
    await half_open(apart, clock, health)
    tell(health, clock, ill=4, name="e")
    await apart.exchange(health)
    assert await health.may_probe("d", "p", 60)
    health.report("d", Sign.WELL, "p", clock())
    clock.now += 60 * SECOND
    await apart.exchange(health)
    tell(health, clock, well=1)
    await apart.exchange(health)
    keys = sorted(await apart.keys())
    assert [key.partition(b":health:")[2] for key in keys] == [b"circuits", b"window:d"]
    assert 0 < await apart.client.pttl(keys[1]) <= 11_000


# By itself


async def test_running_workers_tell_each_other(apart, clock):
    first, second = apart.worker("first"), apart.worker("second")
    changed = asyncio.Event()
    second.listen(lambda _: changed.set())
    running = [asyncio.create_task(health.run()) for health in (first, second)]
    tell(first, clock, ill=4)
    await asyncio.wait_for(changed.wait(), 10)
    assert second.state("d", clock()) == Open(clock() + 5 * SECOND)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_what_is_urgent_is_told_at_once(apart, clock):
    health = apart.worker("w", pace=Pace(flush=3600, beat=3600))
    await apart.exchange(health)
    changed = asyncio.Event()
    health.listen(lambda _: changed.set())
    running = asyncio.create_task(health.run())
    health.report("d", Sign.NONE, "a", clock(), 30.0)
    await asyncio.wait_for(changed.wait(), 10)
    changed.clear()
    tell(health, clock, ill=4, name="e")
    await asyncio.wait_for(changed.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_many_reports_are_one_round_trip(apart, clock):
    health = apart.worker("w")
    await apart.exchange(health)
    before = apart.link.calls
    tell(health, clock, well=1_000)
    tell(health, clock, well=1_000, name="e")
    await apart.exchange(health)
    assert apart.link.calls == before + 1


async def test_the_servers_clock_is_used_unless_another_is_given(apart):
    health = apart.worker("w")
    health._store_us = None
    before = START
    assert health._desk.store_us >= before
    health.report("d", Sign.NONE, "a", before, 30.0)
    await health.exchange()
    seconds, micros = await apart.client.time()
    assert abs(health._desk.store_us - (seconds * SECOND + micros)) < 5 * SECOND
    assert health.state("d", START) == Open(START + 30 * SECOND)
