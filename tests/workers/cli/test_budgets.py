"""What `headgate budgets` prints, and what it waits for."""

import pytest

from headgate.reporting.tables import Format, render
from headgate.workers.admission.port import BookState, BudgetState, Phase
from headgate.workers.cli.budgets_rebuilt import _told
from headgate.workers.cli.budgets_told import table
from headgate.workers.cli.options import OurFault
from headgate.workers.cli.recorder_budgets import grace_seconds, holds_anybody, needs_store_server
from support.ledgers import NEW_YEAR_US
from support.rulebooks import a_config, a_rulebook

_RULES = {
    "keys": [{"id": "a", "budgets": [{"usd": "2.5", "per": "day"}, {"requests": 10, "per": "total"}]}],
    "end_users": {"budgets": [{"tokens": 100, "per": "day"}]},
}
_STATES = [
    BudgetState("key:a:usd/day", NEW_YEAR_US, 1_000_000_000, 250_000_000),
    BudgetState("key:a:usd/day", NEW_YEAR_US - 1, 9, 9),  # yesterday's
    BudgetState("user:alice:tokens/day", NEW_YEAR_US, 90, 20),
    BudgetState("user:bob:tokens/day", NEW_YEAR_US - 1, 90, 0),
    BudgetState("key:gone:usd/day", NEW_YEAR_US, 5, 5),
]


def test_budgets_are_told_with_what_is_free_and_the_fullest_first():
    text = render(table(a_rulebook(**_RULES), _STATES, NEW_YEAR_US + 5, for_people=True))
    assert [" ".join(line.split()) for line in text.splitlines()[2:]] == [
        "user:alice:tokens/day 2026-01-01T00:00:00Z 2026-01-02T00:00:00Z tokens 100 90 20 -10 110",
        "key:a:usd/day 2026-01-01T00:00:00Z 2026-01-02T00:00:00Z usd $2.50 $1.00 $0.25 $1.25 50",
        "key:a:requests/total 1970-01-01T00:00:00Z - requests 10 0 0 10 0",
    ]


def test_programs_get_dollars_with_all_their_digits():
    lines = render(table(a_rulebook(**_RULES), _STATES, NEW_YEAR_US, for_people=False), Format.CSV).splitlines()
    assert lines[0] == "budget,from,until,unit,limit,settled,held,free,percent"
    assert lines[2].endswith("usd,2.500000000,1.000000000,0.250000000,1.250000000,50")


class _Book:
    def __init__(self, *states):
        self._states = list(states)

    async def state(self):
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]


async def _no_sleep(_):
    return


async def test_rebuilding_waits_for_another_life_that_is_ready(capsys):
    states = [BookState(Phase.READY, "old"), BookState(Phase.REBUILDING, "new"), BookState(Phase.READY, "new")]
    assert await _told(_Book(*states), "old", 10, sleep=_no_sleep) == 0
    assert "life new" in capsys.readouterr().err


async def test_rebuilding_does_not_wait_for_ever():
    moments = iter(range(100))
    book = _Book(BookState(Phase.REBUILDING, "new"))
    with pytest.raises(OurFault, match="expected the store to be ready within 10 s, it is rebuilding"):
        await _told(book, "old", 10, clock=lambda: next(moments), sleep=_no_sleep)


def test_only_where_somebody_is_held_to_something_a_store_is_needed():
    assert not holds_anybody(a_config(keys=[{"id": "a"}]))
    assert holds_anybody(a_config(**_RULES))


def test_on_one_machine_the_grace_is_short():
    remote = {"store": {"redis": {"url": "redis://cache:6379/0"}}}
    assert not needs_store_server(a_config(**remote))
    assert grace_seconds(a_config(**remote)) == 10
    assert grace_seconds(a_config()) == 2.5
    assert grace_seconds(a_config(admission={"dead_after": 1})) == 1
