"""What every journal promises, whatever its workers do and whenever they die."""

import asyncio

import pytest
from conformance.journal_harness import (
    STORES,
    a_store,
    answer_one,
    answer_to,
    answered_and_committed,
    begun,
    claim_one,
    new_claim,
)
from msgspec.structs import replace

from headgate.workers.journal.claims import (
    Answered,
    Keeping,
    Mine,
    Reused,
    Run,
    Taken,
)

NO_ROOM = 0


@pytest.fixture(params=STORES)
async def store(request):
    """A store where three workers live."""
    harness = a_store(request, request.param)
    for owner in "abc":
        await harness.beat(owner)
    yield harness
    await harness.close()


async def test_a_first_claim_is_granted(store):
    assert await claim_one(store.journal("a"), new_claim()) == Mine()


async def test_a_living_workers_claim_is_respected(store):
    await claim_one(store.journal("a"), new_claim())
    assert await claim_one(store.journal("b"), new_claim()) == Taken(by_us=False)
    assert await claim_one(store.journal("a"), new_claim()) == Taken(by_us=True)


async def test_of_two_duplicates_in_one_call_the_second_is_ours_already(store):
    assert await store.journal("a").claim([new_claim(), new_claim(place="q")]) == [Mine(), Taken(by_us=True)]


async def test_a_handful_is_answered_in_its_order(store):
    await claim_one(store.journal("a"), new_claim("r3"))
    done = new_claim("r5")
    await claim_one(store.journal("a"), done)
    await answer_one(store.journal("a"), done)
    said = await store.journal("b").claim([new_claim(f"r{n}") for n in range(600)])
    assert said[3] == Taken(by_us=False)
    assert said[5] == Answered(answer_to(done), same_place=True)
    assert all(one == Mine() for n, one in enumerate(said) if n not in {3, 5})


async def test_it_knows_what_somebody_has_begun_and_what_was_answered_and_nothing_else(store):
    journal = store.journal("a")
    released = new_claim("released")
    await journal.claim([new_claim("begun"), released])
    await answered_and_committed(journal, "answered")
    await journal.release([released])
    known = await store.journal("b").known(["begun", "answered", "released", "never heard of"])
    assert known == {"begun", "answered"}
    assert await claim_one(journal, new_claim("never heard of")) == Mine(), "asking has claimed nothing"


async def test_it_knows_of_any_number(store):
    journal, names = store.journal("a"), [f"r{n}" for n in range(600)]
    await journal.claim([new_claim(name) for name in names[::7]])
    assert await journal.known(names) == set(names[::7])


async def test_nobody_is_asked_for_nothing(store):
    journal = store.journal("a")
    assert list(await journal.claim([])) == []
    assert await journal.known([]) == frozenset()
    assert list(await journal.answer([])) == []
    await journal.committed([])
    await journal.release([])


async def test_a_dead_workers_claim_is_taken_over_and_its_attempts_are_named(store):
    first = new_claim()
    journal = store.journal("a")
    await claim_one(journal, first)
    run = begun(first, "d1", "d2")
    assert await store.write(journal.mark(first, run))
    await store.die("a")
    assert await claim_one(store.journal("b"), new_claim()) == Mine((run,))
    await store.die("b")
    assert await claim_one(store.journal("c"), new_claim()) == Mine((run,))


async def test_a_worker_whose_heart_is_too_old_is_dead(store):
    await store.beat("a", seconds_ago=9)
    await claim_one(store.journal("a"), new_claim())
    assert await claim_one(store.journal("b"), new_claim()) == Taken(by_us=False)
    await store.beat("a", seconds_ago=11)
    assert await claim_one(store.journal("b"), new_claim()) == Mine()


async def test_a_run_without_attempts_leaves_nothing_to_account_for(store):
    await claim_one(store.journal("a"), new_claim())
    await store.die("a")
    assert await claim_one(store.journal("b"), new_claim()) == Mine()


async def test_a_worker_that_counts_as_dead_claims_nothing_until_its_heart_beats(store):
    await store.die("a")
    waiting = asyncio.create_task(claim_one(store.journal("a"), new_claim()))
    assert await claim_one(store.journal("b"), new_claim()) == Mine()
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    await store.beat("a")
    async with asyncio.timeout(10):
        assert await waiting == Taken(by_us=False)


async def test_whose_claim_was_taken_over_can_neither_mark_nor_answer_nor_release(store):
    old, new = new_claim(), new_claim()
    dead, heir = store.journal("a"), store.journal("b")
    await claim_one(dead, old)
    await store.die("a")
    await claim_one(heir, new)
    await store.beat("a")
    assert not await store.write(dead.mark(old, begun(old, "d1")))
    assert not await answer_one(dead, old, reply=b"other")
    await dead.release([old])
    await dead.committed([old])
    assert await claim_one(dead, new_claim()) == Taken(by_us=False)
    assert await store.write(heir.mark(new, begun(new, "d1")))
    assert await answer_one(heir, new)


@pytest.mark.parametrize("ending", ["committed", "release"])
async def test_it_is_fenced_even_after_its_heir_is_through(store, ending):
    old, new = new_claim(), new_claim()
    dead, heir = store.journal("a"), store.journal("b", Keeping(keep_answers_bytes=NO_ROOM))
    await claim_one(dead, old)
    await store.die("a")
    await claim_one(heir, new)
    if ending == "committed":
        await answer_one(heir, new)
    await getattr(heir, ending)([new])
    assert not await store.write(dead.mark(old, begun(old, "d1")))
    assert not await answer_one(dead, old)
    assert await claim_one(store.journal("c"), new_claim()) == Mine()


async def test_a_mark_is_written_even_if_the_store_lost_its_memory(store):
    first = new_claim()
    journal = store.journal("a")
    await claim_one(journal, first)
    await store.lose()
    assert await store.write(journal.mark(first, begun(first, "d1")))
    assert await claim_one(store.journal("b"), new_claim()) == Taken(by_us=False)
    assert await claim_one(store.journal("b"), new_claim(fingerprint=b"other")) == Reused()


async def test_an_answer_is_stored_even_if_the_store_lost_its_memory(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    await store.lose()
    assert await answer_one(store.journal("a"), first)
    assert await claim_one(store.journal("b"), new_claim()) == Answered(answer_to(first), same_place=True)


async def test_after_a_loss_the_first_answer_counts(store):
    first, second = new_claim(), new_claim()
    await claim_one(store.journal("a"), first)
    await store.lose()
    await claim_one(store.journal("b"), second)
    assert not await answer_one(store.journal("a"), first, reply=b"one")
    assert await answer_one(store.journal("b"), second, reply=b"two")
    assert not await answer_one(store.journal("a"), first, reply=b"one")


async def test_whoever_claims_after_an_answer_gets_it_with_its_usage(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    assert await answer_one(store.journal("a"), first)
    for place in ("p", "q"):
        said = await claim_one(store.journal("b"), new_claim(place=place))
        assert said == Answered(answer_to(first), same_place=place == "p")


async def test_a_committed_answer_has_no_usage_left(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    await answer_one(store.journal("a"), first)
    await store.journal("a").committed([first])
    said = await claim_one(store.journal("b"), new_claim())
    assert said == Answered(answer_to(first, usage=()), same_place=True)


async def test_the_commit_of_a_duplicate_is_not_the_commit_of_the_answer(store):
    first, duplicate = new_claim(place="p"), new_claim(place="q")
    await claim_one(store.journal("a"), first)
    await answer_one(store.journal("a"), first)
    await claim_one(store.journal("b"), duplicate)
    await store.journal("b").committed([duplicate])
    assert await claim_one(store.journal("b"), new_claim()) == Answered(answer_to(first), same_place=True)


async def test_the_commit_of_whoever_got_the_answer_for_the_same_place_counts(store):
    first, second = new_claim(), new_claim()
    await claim_one(store.journal("a"), first)
    await answer_one(store.journal("a"), first)
    await claim_one(store.journal("b"), second)
    await store.journal("b").committed([second])
    assert await claim_one(store.journal("b"), new_claim()) == Answered(answer_to(first, usage=()), same_place=True)


async def test_an_answer_that_is_stored_again_is_the_same(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    assert await store.journal("a").answer([(first, answer_to(first)), (first, answer_to(first))]) == [True, True]
    assert await answer_one(store.journal("a"), first)
    await store.journal("a").committed([first, first])
    await store.journal("a").committed([first])
    assert await answer_one(store.journal("a"), first)


async def test_what_is_released_can_be_claimed_at_once_even_for_something_else(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    await store.journal("a").release([first])
    assert await claim_one(store.journal("b"), new_claim(fingerprint=b"other")) == Mine()


async def test_what_is_committed_without_an_answer_is_forgotten(store):
    first = new_claim()
    await claim_one(store.journal("a"), first)
    await store.journal("a").committed([first])
    assert await claim_one(store.journal("b"), new_claim()) == Mine()


async def test_an_id_belongs_to_what_it_asked_for_first(store):
    first = new_claim()
    other = new_claim(fingerprint=b"other")
    await claim_one(store.journal("a"), first)
    assert await claim_one(store.journal("a"), other) == Reused()
    await answer_one(store.journal("a"), first)
    assert await claim_one(store.journal("b"), other) == Reused()
    await store.journal("a").committed([first])
    assert await claim_one(store.journal("b"), other) == Reused()


async def test_an_id_stays_what_it_was_when_its_worker_is_dead(store):
    await claim_one(store.journal("a"), new_claim())
    await store.die("a")
    assert await claim_one(store.journal("b"), new_claim(fingerprint=b"other")) == Reused()
    assert await claim_one(store.journal("b"), new_claim()) == Mine()


async def test_a_prefix_of_a_run_is_not_the_run(store):
    short, long = (replace(new_claim(), run=Run(name, 1, ())) for name in ("a", "ab"))
    await claim_one(store.journal("a"), short)
    await store.die("a")
    await claim_one(store.journal("b"), long)
    assert not await answer_one(store.journal("a"), short)


@pytest.mark.parametrize("size", [0, 100, 4096, 4097, 40_000, 300_000])
async def test_replies_come_back_byte_for_byte(store, size):
    first = new_claim("ünicode ✓ id", "p\x00")
    reply = bytes(n * n % 251 for n in range(size))
    await claim_one(store.journal("a"), first)
    await answer_one(store.journal("a"), first, reply=reply, usage=(b"", b"\xff\x00"))
    said = await claim_one(store.journal("b"), new_claim("ünicode ✓ id", "p\x00"))
    assert said == Answered(answer_to(first, reply, (b"", b"\xff\x00")), same_place=True)


async def test_when_there_is_no_room_the_oldest_committed_answers_go(store):
    journal = store.journal("a", Keeping(keep_answers_bytes=10_000))
    await answered_and_committed(journal, "open", commit=False)
    for n in range(30):
        await answered_and_committed(journal, f"r{n}")
    said = await journal.claim([new_claim("open"), *[new_claim(f"r{n}") for n in range(30)]])
    kept = [isinstance(one, Answered) for one in said]
    assert kept[0], "an answer that is not committed is never let go"
    assert 4 <= sum(kept[1:]) <= 9
    assert sorted(kept[1:]) == kept[1:], "the oldest go first"


async def test_an_answer_is_let_go_when_its_time_is_over_and_a_new_one_is_not_taken_for_it(store):
    brief, long = store.journal("a", Keeping(keep_answers=0)), store.journal("a")
    first = await answered_and_committed(long, "r")
    assert isinstance(await claim_one(long, new_claim()), Answered)
    async with asyncio.timeout(10):
        while isinstance(said := await claim_one(brief, again := new_claim(place="q")), Answered):
            pass  # its time is a millisecond at least
    assert said == Mine()
    assert not await answer_one(long, again), "with its time, the first answer is still the answer"
    assert await answer_one(brief, again, reply=b"second")
    await brief.committed([first])
    said = await claim_one(long, new_claim())
    assert isinstance(said, Answered)
    assert said.answer.reply == b"second"


async def test_an_open_answer_outlives_its_time(store):
    journal = store.journal("a", Keeping(keep_answers=-1))
    await answered_and_committed(journal, "r", commit=False)
    await answered_and_committed(journal, "s")
    assert isinstance(await claim_one(journal, new_claim("r")), Answered)
    assert await claim_one(journal, new_claim("s")) == Mine()
