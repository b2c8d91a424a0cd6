"""What failures have in common."""

from itertools import combinations

import pytest

from headgate.routing.causes import CONTENT, CREDENTIAL, FIT, LOAD
from headgate.schemas.failures import CATALOGUE


def test_no_failure_has_two_causes():
    assert all(one.isdisjoint(other) for one, other in combinations((CREDENTIAL, LOAD, FIT, CONTENT), 2))


@pytest.mark.parametrize("code", sorted(LOAD))
def test_load_passes(code):
    assert CATALOGUE[code].retriable


@pytest.mark.parametrize("code", sorted(CREDENTIAL | FIT | CONTENT))
def test_nothing_else_passes_by_waiting_and_nobody_was_billed(code):
    assert not CATALOGUE[code].retriable
    assert not CATALOGUE[code].may_be_billed
