"""What the ledger's sums mean for budgets and rate limits, held to its events one by one."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.reporting.ledger import Ledger
from headgate.routing.admission.calendar import slot_at
from headgate.routing.admission.rules import Unit
from headgate.routing.admission.taking import Bookkeeping, amounts_of, postings, subject_of
from headgate.schemas.usage import Outcome, encode_event
from headgate.workers.recorder.surveying import Moment, Surveyor
from support.ledgers import NEW_YEAR_US, a_slice, an_event
from support.rulebooks import EVERYTHING, a_rulebook

_HOUR_US = 3_600_000_000
_NOW_US = NEW_YEAR_US + 1000 * _HOUR_US
_NEVER = {Outcome.REFUSED, Outcome.REPLAYED}

_EVENTS = st.lists(
    st.builds(
        lambda number, back, outcome, attempt, calls, who: an_event(
            number, ts=_NOW_US - back, outcome=outcome, attempt=attempt, calls=calls, cost_nano=1000 + number, **who
        ),
        st.integers(0, 10**6),
        st.one_of(st.integers(0, 3_000_000), st.integers(0, 3 * _HOUR_US), st.integers(0, 900 * _HOUR_US)),
        st.sampled_from(Outcome),
        st.integers(1, 3),
        st.sampled_from([1, 1, 5]),
        st.fixed_dictionaries(
            {
                "key": st.sampled_from(["rag-nightly", "other"]),
                "workspace": st.sampled_from(["research", None]),
                "org": st.sampled_from(["acme", None]),
                "end_user": st.sampled_from(["alice", "b:o=b", None]),
                "model": st.sampled_from(["small", "large"]),
                "metadata": st.sampled_from([{"team": "a"}, {"team": "b", "x": "y"}, {}]),
            }
        ),
    ),
    max_size=30,
    unique_by=lambda event: event.event_id,
)


def _slots(rulebook, events):
    """What every slot of the last period of every rate limit holds by the events, one by one."""
    slots = Counter()
    for event in events:
        attempted = event.outcome not in _NEVER
        request, target = rulebook.request(subject_of(event)), rulebook.target(subject_of(event))
        counted = [(rate, attempted and event.attempt == 1) for rate in request.rates]
        counted += [(rate, attempted) for rate in target.rates]
        for rate, counts in counted:
            at = slot_at(rate.limit, event.ts)
            if at >= slot_at(rate.limit, _NOW_US) - 32:
                slots[rate.limit, at] += {**amounts_of(event).by_unit(), Unit.REQUESTS: event.calls * counts}[rate.unit]
    return Counter({place: amount for place, amount in slots.items() if amount})


@settings(deadline=None, max_examples=40)
@given(events=_EVENTS, back=st.sampled_from([0, _HOUR_US, 24 * _HOUR_US]))
def test_sums_and_slots_are_those_of_the_events(tmp_path_factory, events, back):
    rulebook, books = a_rulebook(**EVERYTHING), Bookkeeping()
    surveyor = Surveyor(rulebook)
    with Ledger.open(tmp_path_factory.mktemp("l") / "l.duckdb") as ledger:
        ledger.append([a_slice(*map(encode_event, events))])
        moment = Moment(_NOW_US, ledger.newest(), back)
        answers = ledger.survey([surveyor.about_budgets(moment), *surveyor.about_rates(_NOW_US)]).answers

    totals = Counter()
    for event in events:
        for window, amount in postings(event, rulebook, books):
            if window.end_us is None or window.end_us > moment.since_us:
                totals[window] += amount
    assert {one.window: one.amount for one in surveyor.settled(moment, answers[0])} == dict(totals)

    taken = surveyor.taken(answers[1:])
    summed = Counter()
    for one in taken:
        summed[one.limit, slot_at(one.limit, one.at_us)] += one.amount
    assert summed == _slots(rulebook, events)


def test_a_ledger_without_events_asks_for_nothing(tmp_path):
    surveyor = Surveyor(a_rulebook(**EVERYTHING))
    question = surveyor.about_budgets(Moment(_NOW_US, None, 0))
    assert question.bounds == []
    with Ledger.open(tmp_path / "l.duckdb") as ledger:
        assert surveyor.settled(Moment(_NOW_US, None, 0), ledger.survey([question]).answers[0]) == []


@pytest.mark.parametrize(
    "newest", [_NOW_US - 400 * 24 * _HOUR_US, _NOW_US, _NOW_US + _HOUR_US, 250_000_000_000_000_000]
)
def test_however_wrong_a_clock_is_the_question_stays_small(newest):
    question = Surveyor(a_rulebook(**EVERYTHING)).about_budgets(Moment(_NOW_US, newest, _HOUR_US))
    assert len(question.bounds) < 100
    assert list(question.bounds) == sorted(set(question.bounds))
