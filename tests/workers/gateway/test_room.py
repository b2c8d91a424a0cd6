"""Room: what bounds memory."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.gateway.room import Room


async def at_once(_):
    """Sleep no time at all."""


async def test_what_fits_goes_in_at_once():
    room = Room(10, 100, sleep=at_once)
    assert await room.take([10, 10, 10]) == 3
    assert (room.in_flight, room.bytes_in_flight) == (3, 30)


async def test_a_full_room_waits_until_somebody_leaves():
    room = Room(2, 100, sleep=at_once)
    await room.take([1, 1])
    waiting = asyncio.create_task(room.take([1]))
    await asyncio.sleep(0)
    assert not waiting.done()
    room.give_back(1)
    assert await waiting == 1


async def test_bytes_bound_as_well_as_counts():
    room = Room(10, 100, sleep=at_once)
    assert await room.take([60, 60]) == 1
    waiting = asyncio.create_task(room.take([60]))
    await asyncio.sleep(0)
    assert not waiting.done()
    room.give_back(60)
    assert await waiting == 1


async def test_one_that_is_larger_than_the_room_goes_in_alone():
    room = Room(10, 100, sleep=at_once)
    assert await room.take([500, 1]) == 1
    assert room.in_flight == 1


async def test_a_few_slow_ones_do_not_keep_the_last_places_empty():
    room = Room(160, 10**9, sleep=at_once)
    await room.take([1] * 159)
    assert await room.take([1] * 50) == 1


async def test_two_takers_never_take_the_same_place():
    room = Room(2, 100, sleep=at_once)
    await room.take([1, 1])
    waiting = [asyncio.create_task(room.take([1])) for _ in range(2)]
    room.give_back(1)
    done, rest = await asyncio.wait(waiting, timeout=0.05)
    assert (len(done), room.in_flight) == (1, 2)
    room.give_back(1)
    assert await rest.pop() == 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 60))
def test_never_more_inside_than_allowed_and_everybody_gets_in(sizes, requests, bytes_):
    async def play():
        room, inside, left = Room(requests, bytes_, sleep=at_once), [], list(sizes)
        while left:
            try:
                async with asyncio.timeout(0):
                    taken = await room.take(left)
            except TimeoutError:
                room.give_back(inside.pop(0))
                continue
            inside += left[:taken]
            left = left[taken:]
            assert room.in_flight == len(inside) <= requests
            assert sum(inside) <= bytes_ or len(inside) == 1

    asyncio.run(play())
