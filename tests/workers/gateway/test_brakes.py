"""Brakes: free until the provider says something, then as much as it takes."""

import random

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Completion, Setback
from headgate.schemas.failures import Code, failure
from headgate.workers.gateway.brakes import Brakes, signal_of

SECOND = 1_000_000
SERVED = Completion(200, "req", b"{}", None)
REFUSED = Setback(failure(Code.RATE_LIMITED))


def begun(brakes, most=100):
    return next((count for count in range(most) if not brakes.may_begin("d")), most)


def test_nobody_is_held_up_by_a_provider_that_says_nothing():
    brakes = Brakes(1000, lambda: 0)
    assert begun(brakes) == 100
    for _ in range(100):
        brakes.ended("d", SECOND, SERVED, None)
    assert begun(brakes) == 100
    assert brakes.limits == {}


def test_a_refusal_halves_what_was_out_and_other_deployments_do_not_mind():
    now = [0]
    brakes = Brakes(1000, lambda: now[0])
    assert begun(brakes, 40) == 40
    now[0] = SECOND
    brakes.ended("d", SECOND, REFUSED, None)
    assert brakes.limits == {"d": 20.0}
    assert begun(brakes) == 0
    assert brakes.may_begin("another")


def test_it_speeds_up_again_by_itself():
    now = [0]
    brakes = Brakes(1000, lambda: now[0])
    begun(brakes, 8)
    brakes.ended("d", 0, REFUSED, None)
    out = 7
    for _ in range(3000):
        now[0] += SECOND // 100
        while out:
            brakes.ended("d", SECOND // 100, SERVED, None)
            out -= 1
        out = begun(brakes)
    assert brakes.limits["d"] > 8


def test_what_was_not_begun_does_not_count():
    brakes = Brakes(1000, lambda: 0)
    begun(brakes, 8)
    brakes.ended("d", 0, REFUSED, None)
    assert not brakes.may_begin("d")
    for _ in range(7):
        brakes.not_begun("d")
    assert begun(brakes) == 4


def test_a_worker_whose_only_call_is_refused_is_not_slowed_down_to_a_crawl():
    """As after a `kill -9`: one of a hundred calls is refused, whatever the load, and the very first of them."""
    now, chance = [0], random.Random(1)
    brakes = Brakes(400, lambda: now[0])
    out, refused, served = begun(brakes, 1), 1, 0
    while now[0] < 60 * SECOND:
        now[0] += SECOND // 10
        for number in range(out):
            brakes.ended("d", SECOND // 10 - 50, REFUSED if number < refused else SERVED, None)
        served += out - refused
        out = begun(brakes)
        refused = sum(chance.random() < 0.01 for _ in range(out))
    assert served > 1_500


def collapsed(now):
    """Brakes of a deployment that has refused calls for a while."""
    brakes = Brakes(1000, lambda: now[0])
    while brakes.limits.get("d", 8) > 0.3:
        now[0] += 100 * SECOND
        begun(brakes, 1)
        brakes.ended("d", SECOND // 10, REFUSED, None)
    return brakes


def test_a_deployment_that_takes_less_than_a_call_at_a_time_crawls_but_for_when_it_takes_one():
    now = [0]
    brakes = collapsed(now)
    now[0] += 100 * SECOND
    assert not brakes.crawls("d"), "it takes one now, and must be asked, or nobody finds out that it is well"
    assert brakes.may_begin("d")
    assert brakes.crawls("d")
    assert not brakes.crawls("another")


def test_a_deployment_that_takes_a_call_at_a_time_or_more_is_worth_waiting_for():
    brakes = Brakes(1000, lambda: 0)
    begun(brakes, 10)
    brakes.ended("d", 0, REFUSED, None)
    assert not brakes.may_begin("d")
    assert not brakes.crawls("d")


def test_who_was_out_and_is_well_begins_anew():
    now = [0]
    brakes = collapsed(now)
    brakes.begin_anew("d")
    now[0] += 1
    assert begun(brakes) == 8
    for _ in range(8):
        brakes.ended("d", SECOND, SERVED, None)
    assert brakes.limits["d"] == 16, "it doubles with every round"
    brakes.begin_anew("another")
    assert set(brakes.limits) == {"d"}


def test_answers_that_say_nothing_of_limits_are_not_looked_into():
    assert signal_of(HttpReply(200, {"content-type": "application/json"}, b"{}"), "openai") is None
    told = signal_of(
        HttpReply(200, {"x-ratelimit-remaining-requests": "5", "x-ratelimit-limit-requests": "10"}, b""), "openai"
    )
    assert told is not None
    assert told.allowances
