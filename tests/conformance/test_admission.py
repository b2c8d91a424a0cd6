"""The admission port: one suite over its peers, in memory and on a Valkey server; expected values by hand."""

import pytest

from headgate.routing.admission.demand import (
    BudgetWindow,
    Charge,
    Correction,
    Demand,
    Hold,
    Mark,
    ParallelLimit,
    RateLimit,
)
from headgate.routing.admission.level import Level
from headgate.routing.admission.verdict import Busy, Exhausted, Fenced, Go, Late, Never, NotReady, Stale, Wait
from headgate.workers.admission.port import Alert, BookState, Phase, Posting, Spent, Taken
from support.admissions import START, Clock, MemoryWorld, RedisWorld
from support.valkey import fresh_prefix

SECOND = 1_000_000
SLOT = 31_250

REQUESTS = RateLimit("key:k:requests/second", 3, SECOND, 2)
TOKENS = RateLimit("key:k:tokens/minute", 1000, 60 * SECOND, 400)
PARALLEL = ParallelLimit("key:k:parallel", 2)
DAY = BudgetWindow("key:k:usd/day", START - SECOND, START + 3600 * SECOND, 100)
TOTAL = BudgetWindow("org:o:usd/total", 0, None, 2**53)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "valkey", "redis"])
async def empty(request, clock):
    """A store that knows nothing."""
    if request.param == "memory":
        world = MemoryWorld(clock)
    else:
        world = RedisWorld(clock, request.getfixturevalue(f"{request.param}_url"), fresh_prefix())
    yield world
    await world.close()


@pytest.fixture
async def world(empty):
    """A store that is ready."""
    await empty.book.open("e1", {"0": "10"}, (), ())
    await empty.book.ready("e1")
    return empty


def one(amount=1, limit=REQUESTS):
    return (Charge(limit, amount),)


def hold(amount, window=DAY):
    return (Hold(window, amount),)


async def ask(admission, *demands):
    return list(await admission.acquire(demands))


async def told(world, admission):
    """Send what is queued."""
    await world.flush(admission)


# Rates


async def test_as_many_go_at_once_as_the_burst_allows_and_the_next_gets_the_next_slot(world):
    verdicts = await ask(world.worker("w"), *(Demand(f"a{n}", one()) for n in range(4)))
    assert verdicts[:2] == [Go(START), Go(START)]
    first, second = verdicts[2:]
    assert START + SLOT <= first.ticket_us < START + SLOT + 1000
    assert first.seconds == (first.ticket_us - START) / 1e6
    assert first.limit == REQUESTS.name
    # three are in the window: the fourth waits until it has passed
    assert START + 33 * SLOT <= second.ticket_us < START + 33 * SLOT + 1000


# How full limits are

WATCHED = RateLimit("deployment:d:tokens/minute", 100, 60 * SECOND, 100, watched=True)


def listening(world, name="w"):
    admission, told = world.worker(name), []
    admission.listen(lambda levels, asked: told.append((list(levels), dict(asked))))
    return admission, told


async def test_who_asks_for_a_watched_limit_hears_how_full_the_whole_fleet_has_made_it(world, clock):
    admission, told = listening(world)
    await ask(world.worker("another"), Demand("x", one(40, WATCHED)))
    assert told == []
    await ask(admission, Demand("a", (*one(), *one(20, WATCHED))), Demand("b", one(10, WATCHED)))
    assert told == [([Level(WATCHED.name, 70, START)], {WATCHED.name: 30})]
    clock.now += 30 * SECOND
    await ask(admission, Demand("c", one()), Demand("d", one(0, WATCHED)))
    assert told[1:] == [([Level(WATCHED.name, 70, clock.now)], {WATCHED.name: 0})]
    clock.now += 35 * SECOND
    await ask(admission, Demand("e", one(5, WATCHED)))
    assert told[2:] == [([Level(WATCHED.name, 5, clock.now)], {WATCHED.name: 5})]


async def test_a_limit_that_nobody_watches_is_not_told(world):
    admission, told = listening(world)
    await ask(admission, Demand("a", one()), Demand("b", one(400, TOKENS)))
    assert told == []


async def test_what_is_reserved_is_taken_until_its_slot_has_come(world, clock):
    admission, told = listening(world)
    _, wait = await ask(admission, Demand("a", one(60, WATCHED)), Demand("b", one(50, WATCHED)))
    ((level,), asked), told[:] = told[0], []
    assert (level.taken, asked) == (60, {WATCHED.name: 110})
    assert wait.ticket_us - 2_000_000 < level.since_us <= wait.ticket_us
    clock.now = wait.ticket_us
    await ask(admission, Demand("b", one(50, WATCHED), ticket_us=wait.ticket_us))
    assert told == [([Level(WATCHED.name, 50, clock.now)], {})], "who comes with a ticket has asked before"


async def test_what_an_attempt_did_not_take_after_all_is_free(world):
    admission, told = listening(world)
    await ask(admission, Demand("a", one(60, WATCHED)))
    admission.finish("a", [Correction(WATCHED, -45)])
    await world.flush(admission)
    await ask(admission, Demand("b", one(1, WATCHED)))
    assert [level.taken for level in told[1][0]] == [16]


async def test_nothing_is_told_while_the_store_is_being_rebuilt(empty):
    await empty.book.open("e1", {}, (), ())
    admission, told = listening(empty)
    assert await ask(admission, Demand("a", one(60, WATCHED))) == [NotReady()]
    assert told == []


async def test_a_ticket_is_redeemed_in_its_slot_and_takes_nothing_more(world, clock):
    admission = world.worker("w")
    *_, wait = await ask(admission, *(Demand(f"a{n}", one()) for n in range(3)))
    early = await ask(admission, Demand("a2", one(), ticket_us=wait.ticket_us))
    assert early == [Wait(START, wait.ticket_us, REQUESTS.name)]
    clock.now = wait.ticket_us
    assert await ask(admission, Demand("a2", one(), ticket_us=wait.ticket_us)) == [Go(clock.now)]
    clock.now = START + 33 * SLOT  # the first two are out of the window, the third is not
    verdicts = await ask(admission, *(Demand(f"b{n}", one()) for n in range(3)))
    assert [type(verdict) for verdict in verdicts] == [Go, Go, Wait]


async def test_a_ticket_is_good_within_its_grace_and_void_after_it(world, clock):
    admission = world.worker("w")
    *_, near, far = await ask(admission, *(Demand(f"a{n}", one()) for n in range(4)))
    clock.now = near.ticket_us + 250_000
    assert await ask(admission, Demand("a2", one(), ticket_us=near.ticket_us)) == [Go(clock.now)]
    clock.now = far.ticket_us + 250_001
    verdicts = await ask(admission, *(Demand(f"b{n}", one(), ticket_us=far.ticket_us) for n in range(3)))
    # two are in the window: the one whose call began late, and the reservation that was not used
    assert [type(verdict) for verdict in verdicts] == [Go, Wait, Wait]


async def test_a_ticket_of_a_former_life_of_the_store_is_void(world, clock):
    admission = world.worker("w")
    wait = (await ask(admission, *(Demand(f"a{n}", one()) for n in range(4))))[-1]
    await world.book.open("e2", {}, (), ())
    await world.book.ready("e2")
    verdicts = await ask(admission, *(Demand(f"b{n}", one(), ticket_us=wait.ticket_us) for n in range(3)))
    # of the former life only the two calls that last are counted: they were posted again
    assert [type(verdict) for verdict in verdicts] == [Wait, Wait, Wait]
    assert verdicts[0].ticket_us < START + 2 * SLOT
    assert verdicts[1].ticket_us != wait.ticket_us


async def test_charges_get_one_common_time(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", (Charge(TOKENS, 400),)))
    (wait,) = await ask(admission, Demand("b", (Charge(REQUESTS, 1), Charge(TOKENS, 1))))
    assert START + 1_875_000 <= wait.ticket_us < START + 1_876_000
    assert wait.limit == TOKENS.name


async def test_a_slot_after_the_latest_time_is_of_no_use(world):
    admission = world.worker("w")
    await ask(admission, *(Demand(f"a{n}", one()) for n in range(2)))
    late, wait = await ask(
        admission, Demand("b", one(), latest_us=START + SLOT - 1), Demand("c", one(), latest_us=START + SLOT + 1000)
    )
    assert isinstance(late, Late)
    assert late.limit == REQUESTS.name
    assert late.earliest_us == wait.ticket_us  # nothing was taken


async def test_a_slot_before_the_earliest_time_is_of_no_use(world):
    (wait,) = await ask(world.worker("w"), Demand("a", one(), earliest_us=START + 5 * SECOND))
    assert START + 5 * SECOND <= wait.ticket_us < START + 5 * SECOND + 1000


async def test_a_limit_that_many_share_is_not_reserved_far_ahead(world):
    admission = world.worker("w")
    shared = RateLimit("model:m:requests/second", 3, SECOND, 3, 2 * SLOT)
    await ask(admission, *(Demand(f"a{n}", one(limit=shared)) for n in range(3)))
    busy, wait = await ask(admission, Demand("b", one(limit=shared)), Demand("c", one()))
    assert busy == Busy(shared.name)
    assert isinstance(wait, Go)


async def test_a_far_future_of_one_key_pushes_no_other_back(world):
    admission = world.worker("w")
    shared = RateLimit("model:m:requests/second", 100, SECOND, 100, 2 * SLOT)
    verdicts = await ask(admission, *(Demand(f"a{n}", (*one(), *one(limit=shared))) for n in range(100)))
    assert verdicts[-1].seconds > 30
    assert await ask(admission, Demand("b", one(97, limit=shared))) == [Go(START)]


async def test_a_correction_moves_the_slot_of_the_call_both_ways(world, clock):
    admission = world.worker("w")
    assert await ask(admission, Demand("a", one(400, TOKENS))) == [Go(START)]
    clock.now += 10 * SECOND
    admission.finish("a", [Correction(TOKENS, -100)])
    await told(world, admission)
    assert [type(v) for v in await ask(admission, Demand("b", one(400, TOKENS)), Demand("c", one(301, TOKENS)))] == [
        Go,
        Wait,
    ]
    admission.finish("b", [Correction(TOKENS, 50)])
    await told(world, admission)
    clock.now += 2 * SECOND
    # one window has 300 and 450, another 450 and the reservation of 301
    late, go = await ask(admission, Demand("d", one(250, TOKENS), latest_us=clock.now), Demand("e", one(249, TOKENS)))
    assert isinstance(late, Late)
    assert go == Go(clock.now)


async def test_a_correction_counts_once(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", one(400, TOKENS)))
    for _ in range(2):
        admission.finish("a", [Correction(TOKENS, -399)])
        await told(world, admission)
    verdicts = await ask(admission, Demand("b", one(399, TOKENS)), Demand("c", one(1, TOKENS)))
    assert [type(verdict) for verdict in verdicts] == [Go, Wait]


async def test_a_cancelled_slot_is_free(world):
    admission = world.worker("w")
    demands = [Demand(f"a{n}", one()) for n in range(4)]
    wait = (await ask(admission, *demands))[-1]
    admission.cancel(demands[-1], wait.ticket_us)
    await told(world, admission)
    assert await ask(admission, Demand("b", one())) == [wait]


async def test_a_cancelled_slot_far_ahead_is_free(world):
    admission = world.worker("w")
    demands = [Demand(f"a{n}", one()) for n in range(50)]
    wait = (await ask(admission, *demands))[25]
    assert wait.seconds > 7
    admission.cancel(demands[25], wait.ticket_us)
    await told(world, admission)
    assert await ask(admission, Demand("b", one())) == [wait]


async def test_a_late_ticket_counts_when_its_call_begins_if_there_is_room(world, clock):
    admission = world.worker("w")
    limit = RateLimit("l", 5, SECOND, 3)
    wait = (await ask(admission, *(Demand(f"a{n}", one(limit=limit)) for n in range(4))))[-1]
    clock.now = START + 3 * SLOT
    late = Demand("a3", one(limit=limit), ticket_us=wait.ticket_us)
    assert await ask(admission, Demand("b", one(limit=limit)), late) == [Go(clock.now)] * 2
    verdicts = []
    for slot in (34, 35):  # two of the window are from the third slot
        clock.now = START + slot * SLOT
        verdicts += await ask(admission, *(Demand(f"c{slot}{n}", one(limit=limit)) for n in range(2)))
    assert [type(verdict) for verdict in verdicts] == [Go, Go, Go, Wait]


async def test_a_late_ticket_without_room_is_void(world, clock):
    admission = world.worker("w")
    wait = (await ask(admission, *(Demand(f"a{n}", one()) for n in range(6))))[2]
    clock.now = START + 3 * SLOT  # a window from here on has three reservations already
    late = Demand("a2", one(), ticket_us=wait.ticket_us)
    (again,) = await ask(admission, late)
    assert again.ticket_us > START + 34 * SLOT


async def test_a_cancelled_slot_of_a_former_life_frees_nothing(world):
    admission = world.worker("w")
    demands = [Demand(f"a{n}", one()) for n in range(4)]
    wait = (await ask(admission, *demands))[-1]
    await world.book.open("e2", {}, (), [Taken(REQUESTS, wait.ticket_us, 3)])
    await world.book.ready("e2")
    admission.cancel(demands[-1], wait.ticket_us)
    await told(world, admission)
    (later,) = await ask(admission, Demand("b", one(), earliest_us=wait.ticket_us))
    assert later.ticket_us >= wait.ticket_us + 33 * SLOT - 1000


async def test_what_ledger_and_workers_know_is_counted_in_a_new_life(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", one()))
    await world.book.open("e2", {}, (), [Taken(REQUESTS, START - 20 * SLOT, 1)])
    await world.book.ready("e2")
    verdicts = await ask(admission, Demand("b", one()), Demand("c", one()))
    assert [type(verdict) for verdict in verdicts] == [Go, Wait]
    assert START + 13 * SLOT <= verdicts[1].ticket_us < START + 13 * SLOT + 1000


# Parallel calls


async def test_parallel_slots_are_free_when_calls_end(world):
    admission = world.worker("w")
    verdicts = await ask(admission, *(Demand(f"a{n}", parallel=(PARALLEL,)) for n in range(3)))
    assert verdicts == [Go(START), Go(START), Busy(PARALLEL.name)]
    for _ in range(2):
        admission.finish("a0", ())
        await told(world, admission)
    assert await world.in_parallel(PARALLEL.name) == 1
    again = await ask(admission, *(Demand(f"b{n}", parallel=(PARALLEL,)) for n in range(2)))
    assert again == [Go(START), Busy(PARALLEL.name)]


async def test_several_calls_at_once_have_a_place_each_until_they_end(world):
    admission, few = world.worker("w"), ParallelLimit("key:k:few", 5)
    three, two, one_more = (
        Demand(name, parallel=(few,), calls=calls) for name, calls in (("a", 3), ("b", 2), ("c", 1))
    )
    verdicts = await ask(admission, three, Demand("x", parallel=(few,), calls=3), two, one_more)
    assert verdicts == [Go(START), Busy(few.name), Go(START), Busy(few.name)]
    assert await world.in_parallel(few.name) == 5
    for attempt in ("a", "b"):
        admission.finish(attempt, ())
    await told(world, admission)
    assert await world.in_parallel(few.name) == 0


async def test_the_places_of_several_calls_are_taken_up_again_in_a_new_life(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", parallel=(PARALLEL,), calls=2))
    await world.lose()
    await world.book.open("e2", {"0": "10"}, (), ())
    await world.book.ready("e2")
    assert await ask(admission, Demand("b", parallel=(PARALLEL,))) == [Busy(PARALLEL.name)]
    admission.finish("a", ())
    await told(world, admission)
    assert await world.in_parallel(PARALLEL.name) == 0


async def test_who_is_busy_keeps_no_slot_and_no_money(world, clock):
    admission = world.worker("w")
    await ask(admission, *(Demand(f"a{n}", parallel=(PARALLEL,)) for n in range(2)))
    demand = Demand("b", one(), (PARALLEL,), hold(60))
    assert await ask(admission, demand) == [Busy(PARALLEL.name)]
    verdicts = await ask(admission, *(Demand(f"c{n}", one(), holds=hold(50)) for n in range(2)))
    assert verdicts == [Go(START), Go(START)]


async def test_a_dead_workers_parallel_slots_are_free(world, clock):
    dead, alive = world.worker("dead"), world.worker("alive")
    await world.beat(alive)
    await ask(dead, *(Demand(f"a{n}", parallel=(PARALLEL,)) for n in range(2)))
    for _ in range(3):
        clock.now += 5 * SECOND
        await world.beat(alive)
    assert await ask(alive, Demand("b", parallel=(PARALLEL,))) == [Go(clock.now)]
    assert await world.in_parallel(PARALLEL.name) == 1
    dead.finish("a0", ())
    await told(world, dead)
    assert await world.in_parallel(PARALLEL.name) == 1


async def test_a_call_that_is_known_no_more_corrects_nothing(world, clock):
    dead, alive = world.worker("dead"), world.worker("alive")
    await world.beat(alive)
    assert await ask(dead, Demand("a", one(400, TOKENS))) == [Go(START)]
    for _ in range(3):
        clock.now += 5 * SECOND
        await world.beat(alive)
    dead.finish("a", [Correction(TOKENS, 300)])
    await told(world, dead)
    assert await ask(alive, Demand("b", one(400, TOKENS))) == [Go(clock.now)]
    clock.now += 2 * SECOND
    assert await ask(alive, Demand("c", one(200, TOKENS))) == [Go(clock.now)]


async def test_a_worker_that_was_taken_for_dead_takes_its_calls_up_again(world, clock):
    away, alive = world.worker("away"), world.worker("alive")
    await world.beat(alive)
    await ask(away, Demand("a", parallel=(PARALLEL,), holds=hold(10)))
    for _ in range(3):
        clock.now += 5 * SECOND
        await world.beat(alive)
    assert await world.in_parallel(PARALLEL.name) == 0
    await world.beat(away)
    assert await world.in_parallel(PARALLEL.name) == 1
    assert await world.held(DAY) == 10


async def test_after_a_pause_of_all_nobody_is_judged_at_once(world, clock):
    first, second = world.worker("first"), world.worker("second")
    await ask(first, Demand("a", parallel=(PARALLEL,)))
    await ask(second, Demand("b", parallel=(PARALLEL,)))
    clock.now += 60 * SECOND
    await world.beat(first)
    assert await ask(first, Demand("c", parallel=(PARALLEL,))) == [Busy(PARALLEL.name)]


async def test_who_leaves_gives_its_slots_back(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", parallel=(PARALLEL,)))
    await world.leave("w")
    assert await world.in_parallel(PARALLEL.name) == 0


# Budgets


async def test_a_hold_keeps_money_free_until_its_event_is_in_the_ledger(world):
    admission = world.worker("w")
    assert await ask(admission, Demand("a", holds=hold(60)), Demand("b", holds=hold(60))) == [
        Go(START),
        Busy(DAY.name),
    ]
    admission.settle("a", [40])
    await told(world, admission)
    assert (await world.settled(DAY), await world.held(DAY)) == (0, 40)
    assert await ask(admission, Demand("b", holds=hold(60))) == [Go(START)]
    await world.book.apply("e1", {"0": ("10", "11")}, [Posting("a", [Spent(DAY, 40)])], {})
    assert (await world.settled(DAY), await world.held(DAY)) == (40, 60)
    assert await ask(admission, Demand("c", holds=hold(61))) == [Exhausted(DAY.name, DAY.end_us)]
    assert await ask(admission, Demand("c", holds=hold(60))) == [Busy(DAY.name)]


async def test_a_budget_that_is_spent_takes_no_slot(world):
    admission = world.worker("w")
    await world.book.apply("e1", {"0": ("10", "11")}, [Posting("x", [Spent(DAY, 100)])], {})
    assert (
        await ask(admission, *(Demand(f"a{n}", one(), holds=hold(1)) for n in range(3)))
        == [Exhausted(DAY.name, DAY.end_us)] * 3
    )
    assert await ask(admission, *(Demand(f"b{n}", one()) for n in range(2))) == [Go(START)] * 2


async def test_who_waits_for_a_slot_holds_no_money(world):
    admission = world.worker("w")
    verdicts = await ask(admission, *(Demand(f"a{n}", one(), holds=hold(1)) for n in range(4)))
    assert [type(verdict) for verdict in verdicts] == [Go, Go, Wait, Wait]
    assert await world.held(DAY) == 2


async def test_amounts_are_exact_to_the_last_unit(world):
    admission = world.worker("w")
    most = 2**53
    verdicts = await ask(admission, Demand("a", holds=hold(most - 1, TOTAL)), Demand("b", holds=hold(2, TOTAL)))
    assert verdicts == [Go(START), Busy(TOTAL.name)]
    assert await ask(admission, Demand("b", holds=hold(1, TOTAL))) == [Go(START)]
    assert await world.held(TOTAL) == most
    cursors = {"0": ("10", "11")}
    await world.book.apply("e1", cursors, [Posting("a", [Spent(TOTAL, most - 3)]), Posting("b", ())], {})
    assert (await world.settled(TOTAL), await world.held(TOTAL)) == (most - 3, 0)
    assert await ask(admission, Demand("c", holds=hold(4, TOTAL))) == [Exhausted(TOTAL.name, None)]
    assert await ask(admission, Demand("c", holds=hold(3, TOTAL))) == [Go(START)]


async def test_a_window_that_is_over_or_to_come_makes_a_demand_stale(world, clock):
    admission = world.worker("w")
    clock.now = DAY.end_us - 1
    assert await ask(admission, Demand("a", holds=hold(1))) == [Go(clock.now)]
    clock.now = DAY.end_us
    assert await ask(admission, Demand("b", holds=hold(1))) == [Stale(clock.now)]
    clock.now = DAY.start_us - 1
    assert await ask(admission, Demand("b", holds=hold(1))) == [Stale(clock.now)]


async def test_more_than_there_ever_is_is_never_granted(world):
    verdicts = await ask(
        world.worker("w"),
        Demand("a", one(4)),
        Demand("b", holds=hold(101)),
        Demand("c", parallel=(ParallelLimit("none", 0),)),
        Demand("d", parallel=(PARALLEL,), calls=3),
        Demand("e", one(3)),
    )
    assert verdicts == [
        Never(REQUESTS.name, 4, 3),
        Never(DAY.name, 101, 100),
        Never("none", 1, 0),
        Never(PARALLEL.name, 3, 2),
        Go(START),
    ]


# Asking again


async def test_who_asks_again_is_answered_the_same_and_takes_nothing_twice(world, clock):
    admission = world.worker("w")
    demand = Demand("a", one(), (PARALLEL,), hold(60))
    assert await ask(admission, demand) == [Go(START)]
    clock.now += 1000
    assert await ask(admission, demand, demand) == [Go(START)] * 2
    assert await world.held(DAY) == 60
    assert await world.in_parallel(PARALLEL.name) == 1
    assert await ask(admission, Demand("b", one())) == [Go(clock.now)]


async def test_an_attempt_is_known_from_the_demands_before_it_in_a_call(world):
    admission = world.worker("w")
    demand = Demand("a", holds=hold(60))
    assert await ask(admission, demand, demand, Demand("b", holds=hold(60))) == [Go(START), Go(START), Busy(DAY.name)]


# The journal's mark


def marked(world, request, run, attempt=b"", **changes):
    beginning = b"\x95" + run + b"\x00\xff"
    return Demand(
        f"{request}-{run.decode()}-{attempt.decode()}",
        mark=Mark(world.run_key(request), beginning + attempt, beginning),
        **changes,
    )


async def test_a_mark_is_written_with_the_grant_and_only_then(world):
    admission = world.worker("w")
    await world.claim("r", b"\x95run\x00\xff")
    late = marked(world, "r", b"run", b"1", charges=one(4))
    assert isinstance((await ask(admission, late))[0], Never)
    assert await world.runs("r") == [b"\x95run\x00\xff"]
    assert await ask(admission, marked(world, "r", b"run", b"1"), marked(world, "r", b"run", b"2")) == [Go(START)] * 2
    assert await world.runs("r") == [b"\x95run\x00\xff2"]


async def test_a_run_that_was_taken_over_is_fenced_and_gives_its_slots_back(world):
    admission = world.worker("w")
    demand = marked(world, "r", b"run", b"1", parallel=(PARALLEL,), holds=hold(60))
    await world.claim("r", b"\x95run\x00\xff")
    assert await ask(admission, demand) == [Go(START)]
    await world.claim("r", b"\x95other\x00\xff")
    assert await ask(admission, demand, marked(world, "r", b"run", b"2", charges=one())) == [Fenced()] * 2
    assert await world.in_parallel(PARALLEL.name) == 0
    assert await world.held(DAY) == 60  # the other one publishes its event
    assert (await world.runs("r"))[-1] == b"\x95other\x00\xff"


async def test_a_run_whose_claim_the_store_has_lost_goes_on(world):
    assert await ask(world.worker("w"), marked(world, "r", b"run", b"1")) == [Go(START)]
    assert await world.runs("r") == [b"\x95run\x00\xff1"]


async def test_the_seal_of_a_request_that_was_ended_by_another_fences(world):
    await world.claim("r", b"")
    assert await ask(world.worker("w"), marked(world, "r", b"run", b"1")) == [Fenced()]


async def test_marks_are_written_again_in_a_new_life(world):
    """The worker may die in it: its attempt must be found."""
    admission = world.worker("w")
    await world.claim("r", b"\x95run\x00\xff")
    demand = marked(world, "r", b"run", b"1", holds=hold(50))
    assert await ask(admission, demand, marked(world, "s", b"run", b"1", holds=hold(1))) == [Go(START)] * 2
    await world.lose()
    await world.claim("s", b"\x95other\x00\xff")
    await world.book.open("e2", {}, (), ())
    await world.beat(admission)
    assert await world.runs("r") == [b"\x95run\x00\xff1"]
    assert await world.runs("s") == [b"\x95other\x00\xff"]


# The book


async def test_nobody_spends_before_the_book_is_ready(empty):
    admission = empty.worker("w")
    touching = [Demand("a", one()), Demand("b", parallel=(PARALLEL,)), Demand("c", holds=hold(1))]
    free = Demand("d")
    assert await empty.book.state() == BookState(Phase.EMPTY)
    assert await ask(admission, *touching, free) == [NotReady()] * 3 + [Go(START)]
    await empty.book.open("e1", {"0": "10"}, [Spent(DAY, 30), Spent(DAY, 10)], ())
    assert await empty.book.state() == BookState(Phase.REBUILDING, "e1", {"0": "10"})
    assert await ask(admission, *touching, free) == [NotReady()] * 3 + [Go(START)]
    assert await empty.book.ready("e0") is False
    assert await empty.book.ready("e1") is True
    assert (await empty.book.state()).phase is Phase.READY
    assert await ask(admission, *touching) == [Go(START)] * 3
    assert (await empty.settled(DAY), await empty.held(DAY)) == (40, 1)


async def test_an_append_is_posted_once(world):
    append = ("e1", {"0": ("10", "20"), "1": (None, "5")}, [Posting("x", [Spent(DAY, 50)])], {DAY.name: [0.5, 0.8]})
    for _ in range(2):
        assert await world.book.apply(*append) == [Alert(DAY, 0.5, 50)]
        assert await world.settled(DAY) == 50
    assert (await world.book.state()).cursors == {"0": "20", "1": "5"}


@pytest.mark.parametrize(
    ("epoch", "cursors"),
    [("e0", {"0": ("10", "20")}), ("e1", {"0": ("11", "20")}), ("e1", {"0": ("10", "20"), "1": ("1", "2")})],
)
async def test_an_append_to_another_book_is_not_posted(world, epoch, cursors):
    assert await world.book.apply(epoch, cursors, [Posting("x", [Spent(DAY, 50)])], {}) is None
    assert await world.settled(DAY) == 0
    assert (await world.book.state()).cursors == {"0": "10"}


async def test_a_threshold_is_told_of_once(world):
    thresholds = {DAY.name: [0.1, 0.8, 1.0]}
    amounts, alerts = [9, 1, 60, -10, 19, 1, 20, -1, 1], []
    for n, amount in enumerate(amounts):
        cursors = {"0": (str(10 + n), str(11 + n))}
        alerts.append(await world.book.apply("e1", cursors, [Posting(f"x{n}", [Spent(DAY, amount)])], thresholds))
    told = [[(alert.threshold, alert.settled) for alert in some] for some in alerts]
    assert told == [[], [(0.1, 10)], [], [], [], [(0.8, 80)], [(1.0, 100)], [], []]


async def test_thresholds_passed_before_the_book_was_opened_are_not_told_of_again(world):
    await world.book.open("e2", {}, [Spent(DAY, 85)], ())
    thresholds = {DAY.name: [0.5, 0.8, 0.9]}
    alerts = await world.book.apply("e2", {"0": (None, "1")}, [Posting("x", [Spent(DAY, 5)])], thresholds)
    assert alerts == [Alert(DAY, 0.9, 90)]


async def test_holds_are_posted_again_in_a_new_life_before_anything_is_granted(world):
    admission = world.worker("w")
    await ask(
        admission,
        Demand("lasts", parallel=(PARALLEL,), holds=hold(50)),
        Demand("over", holds=hold(20)),
        Demand("known", holds=hold(30)),
    )
    admission.finish("over", ())
    admission.finish("known", ())
    admission.settle("known", [10])  # its event is on the bus: the ledger has it before it is ready
    await told(world, admission)
    await world.lose()
    await world.book.open("e2", {}, [Spent(DAY, 10)], ())
    await world.book.ready("e2")
    verdicts = await ask(admission, Demand("a", holds=hold(21)), Demand("b", holds=hold(20)))
    assert verdicts == [Busy(DAY.name), Go(START)]
    assert (await world.settled(DAY), await world.held(DAY)) == (10, 90)
    assert await world.in_parallel(PARALLEL.name) == 1


async def test_a_hold_whose_event_was_applied_already_does_not_come_back(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", holds=hold(50)))
    await world.lose()
    await world.book.open("e2", {}, (), ())
    await world.book.apply("e2", {"0": (None, "1")}, [Posting("a", [Spent(DAY, 20)])], {})
    await world.book.ready("e2")
    await world.beat(admission)
    assert (await world.settled(DAY), await world.held(DAY)) == (20, 0)


async def test_holds_are_posted_once_in_a_life(world, clock):
    """A worker that joins again knows less than the ledger by then."""
    away, alive = world.worker("away"), world.worker("alive")
    await world.beat(alive)
    await ask(away, Demand("a", holds=hold(50)))
    await world.book.apply("e1", {"0": ("10", "11")}, [Posting("a", [Spent(DAY, 20)])], {})
    for _ in range(3):
        clock.now += 5 * SECOND
        await world.beat(alive)
    await world.beat(away)
    assert await world.held(DAY) == 0


async def test_an_append_says_from_where_to_where_it_goes(world):
    with pytest.raises(ValueError, match="expected a cursor"):
        await world.book.apply("e1", {}, (), {})


async def test_amounts_for_each_hold_are_expected(world):
    admission = world.worker("w")
    await ask(admission, Demand("a", holds=hold(50)))
    with pytest.raises(ValueError, match="expected an amount for each of the 1 holds"):
        admission.settle("a", [1, 2])
