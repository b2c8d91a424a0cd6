"""What a person is told: rate, time left, cost."""

import pytest

from headgate.producers.batch_state import Totals
from headgate.producers.facts import BatchFacts
from headgate.producers.progress import Meter, spell_seconds


def facts(answered, *, lines=1000, failed=0, cost=0):
    totals = Totals(completed=answered - failed, failed=failed, cost_nano=cost)
    return BatchFacts("b", totals, answered, lines, counted=True)


def test_nothing_is_said_of_the_pace_before_there_is_one():
    progress = Meter(0.0).read(facts(0), 0.0)
    assert (progress.rate, progress.remaining) == (None, None)


def test_a_steady_pace_is_told_and_what_it_means_for_the_rest():
    meter = Meter(0.0)
    for tenth in range(101):
        progress = meter.read(facts(5 * tenth, failed=tenth, cost=9 * tenth), tenth / 10)
    assert progress.rate == pytest.approx(50)
    assert progress.remaining == pytest.approx(10)
    assert (progress.answered, progress.failed, progress.cost_nano, progress.quiet) == (500, 100, 900, 0.0)


def test_a_resumed_batch_is_not_credited_with_the_past():
    meter = Meter(100.0)
    meter.read(facts(900), 100.0)
    assert meter.read(facts(910), 101.0).rate == pytest.approx(10)


def test_the_pace_follows_a_change():
    meter = Meter(0.0)
    for second in range(60):
        meter.read(facts(100 * second, lines=10**6), second)
    for second in range(60, 90):
        progress = meter.read(facts(5900 + second - 59, lines=10**6), second)
    assert progress.rate == pytest.approx(1)


def test_a_standstill_is_counted_from_the_last_answer():
    meter = Meter(0.0)
    meter.read(facts(4), 0.5)
    meter.read(facts(5), 1.0)
    meter.read(facts(5), 30.0)
    progress = meter.read(facts(5), 61.0)
    assert progress.quiet == 60.0
    assert progress.rate == 0
    assert progress.remaining is None


def test_frequent_samples_are_not_all_kept():
    meter = Meter(0.0)
    for step in range(20_000):
        meter.read(facts(step, lines=10**6), step / 2_000)
    assert len(meter._samples) < 160


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (90_000, "25 h 0 min")],
)
def test_durations_are_spelled_for_people(seconds, text):
    assert spell_seconds(seconds) == text
