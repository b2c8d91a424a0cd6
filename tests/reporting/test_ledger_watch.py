"""What an append tells of its changes, the alerts that it keeps, and what the ledger sums up."""

import re
from collections import Counter

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.reporting.errors import UnwritableLedgerError
from headgate.reporting.ledger import Change, Ledger
from headgate.reporting.sums import Question
from headgate.schemas.alert import Alert, alert_id, encode_alert
from headgate.schemas.usage import Cause, Outcome, encode_event
from support.ledgers import NEW_YEAR_US, a_slice, a_value, an_event

_ALERT = Alert(alert_id("key:a:usd/day", 0, 0.5), "key:a:usd/day", "usd", 0, None, 0.5, 60, 100, 7)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.duckdb") as owned:
        yield owned


class Seen:
    """A watch that remembers."""

    def __init__(self, *alerts):
        self.changes, self._alerts = [], alerts

    def __call__(self, changes):
        self.changes.append(list(changes))
        return self._alerts


def _stand_in(number, **changes):
    return an_event(number, outcome=Outcome.UNCERTAIN, cost_nano=99, input_tokens=7, **changes)


def test_new_events_are_told_as_they_are_and_known_ones_are_not(ledger):
    seen = Seen()
    ledger.append([a_slice(a_value(1), a_value(2), b"junk", a_value(1))], seen)
    ledger.append([a_slice(a_value(2), a_value(3))], seen)
    ledger.append([a_slice(a_value(2), a_value(3))], seen)
    assert seen.changes == [[Change(an_event(1)), Change(an_event(2))], [Change(an_event(3))]]


def test_a_real_event_is_told_with_the_stand_in_that_it_replaces(ledger):
    seen = Seen()
    ledger.append([a_slice(encode_event(_stand_in(1)))], seen)
    ledger.append([a_slice(a_value(1), a_value(2))], seen)
    ledger.append([a_slice(encode_event(_stand_in(1)))], seen)
    assert seen.changes == [[Change(_stand_in(1))], [Change(an_event(1), _stand_in(1)), Change(an_event(2))]]


def test_an_event_that_cannot_be_stored_is_not_told(ledger, monkeypatch):
    monkeypatch.setattr("headgate.reporting.check._UUID", re.compile(".*"))
    seen = Seen()
    ledger.append([a_slice(a_value(1, event_id="odd"), a_value(2))], seen)
    assert seen.changes == [[Change(an_event(2))]]


@settings(deadline=None, max_examples=30)
@given(batches=st.lists(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6), max_size=6))
def test_the_changes_add_up_to_the_ledger(tmp_path_factory, batches):
    seen, held = Seen(), Counter()
    with Ledger.open(tmp_path_factory.mktemp("l") / "l.duckdb") as ledger:
        for batch in batches:
            events = [an_event(number) if real else _stand_in(number) for number, real in batch]
            ledger.append([a_slice(*map(encode_event, events))], seen)
        for change in (change for changes in seen.changes for change in changes):
            if change.replaced is not None:
                held[change.replaced.event_id] -= change.replaced.cost_nano
            held[change.event.event_id] += change.event.cost_nano
        rows = ledger._connection.execute("SELECT CAST(event_id AS VARCHAR), cost_nano FROM usage").fetchall()
    assert dict(held) == dict(rows)


def test_an_alert_is_kept_with_the_rows_until_it_is_published_and_never_changes(ledger):
    ledger.append([a_slice(a_value(1))], Seen(_ALERT))
    ledger.append([a_slice(a_value(2))], Seen(msgspec.structs.replace(_ALERT, settled=61)))
    assert ledger.unpublished() == {_ALERT.alert_id: encode_alert(_ALERT)}
    ledger.published([_ALERT.alert_id])
    assert ledger.unpublished() == {}
    ledger.append([a_slice(a_value(3))], Seen(_ALERT))
    assert ledger.unpublished() == {}


def test_what_the_watch_fails_at_is_not_appended(ledger):
    def broken(changes):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.append([a_slice(a_value(1))], broken)
    assert ledger.survey([]).cursors == {}
    assert ledger.newest() is None


def test_lives_of_the_store_are_counted_once(ledger):
    assert ledger.lives() == 0
    for epoch in ("a", "b", "a"):
        ledger.keep_epoch(epoch)
    assert ledger.lives() == 2


def test_a_ledger_that_is_gone_says_so(ledger):
    ledger.close()
    with pytest.raises((UnwritableLedgerError, duckdb.ConnectionException)):
        ledger.keep_epoch("a")


def _answers(ledger, question):
    return {
        (one.bound, *one.values.values(), *sorted(one.metadata.items())): (
            one.input_tokens,
            one.output_tokens,
            one.cost_nano,
            one.answered,
            one.made,
            one.firsts,
        )
        for one in ledger.survey([question]).answers[0]
    }


def test_sums_are_told_apart_by_bounds_columns_and_metadata(ledger):
    common = {"input_tokens": 10, "output_tokens": 1, "cost_nano": 5, "metadata": {}}
    events = [
        an_event(1, **{**common, "ts": 99}),
        an_event(2, **{**common, "ts": 100, "key": "a", "org": "acme"}),
        an_event(3, **{**common, "ts": 199, "key": "a", "org": "acme", "outcome": Outcome.UNCERTAIN}),
        an_event(4, **{**common, "ts": 199, "key": "a", "attempt": 2, "cause": Cause.RETRY, "outcome": Outcome.FAILED}),
        an_event(5, **{**common, "ts": 199, "key": "a", "outcome": Outcome.REFUSED, "input_tokens": 0}),
        an_event(6, **{**common, "ts": 10**15, "key": "a", "metadata": {"team": "x", "it's": "y"}}),
        an_event(7, **{**common, "ts": 10**15, "key": "b", "metadata": {"other": "x"}, "outcome": Outcome.REPLAYED}),
    ]
    ledger.append([a_slice(*map(encode_event, events))])
    assert _answers(ledger, Question([100, 200], ["key", "org"], ["team", "it's"])) == {
        (100, "a", "acme"): (20, 2, 10, 2, 2, 2),
        (100, "a", None): (10, 2, 10, 0, 1, 0),
        (200, "a", None, ("it's", "y"), ("team", "x")): (10, 1, 5, 1, 1, 1),
        (200, "b", None): (10, 1, 5, 0, 0, 0),
    }
    assert _answers(ledger, Question([0])) == {(0,): (60, 7, 35, 4, 5, 4)}
    assert _answers(ledger, Question([])) == {}


def test_a_survey_is_of_one_moment_and_tells_the_cursors_with_it(ledger):
    ledger.append([a_slice(a_value(1), cursor="9")])
    survey = ledger.survey([Question([0]), Question([NEW_YEAR_US * 2])])
    assert survey.cursors == {"usage/0": "9"}
    assert [len(answer) for answer in survey.answers] == [1, 0]
    assert ledger.newest() == an_event(1).ts


def test_only_columns_that_there_are_go_into_the_question(ledger):
    with pytest.raises(ValueError, match="expected columns among key, workspace"):
        ledger.survey([Question([0], ["key; DROP TABLE usage"])])


def test_an_alert_has_one_id_and_every_other_another():
    ids = {alert_id(budget, start, share) for budget in "ab" for start in (0, 1) for share in (0.5, 1.0)}
    assert len(ids) == 8
    assert alert_id("a", 0, 0.5) == alert_id("a", 0, 0.5)
