"""The part of the config about circuit breakers."""

import pytest
from pydantic import ValidationError

from headgate.schemas.config_breaker import Breaker


def test_what_is_not_said_is_what_is_documented():
    breaker = Breaker()
    assert (breaker.failure_ratio, breaker.minimum, breaker.window) == (0.5, 20, 30.0)
    assert (breaker.cooldown, breaker.max_cooldown) == (15.0, 300.0)


def test_durations_may_be_spelt_out():
    assert Breaker(window="1m", cooldown="500ms", max_cooldown="1h").max_cooldown == 3600.0


@pytest.mark.parametrize(
    "wrong",
    [{"failure_ratio": 0}, {"failure_ratio": 1.1}, {"minimum": 0}, {"window": 0}, {"cooldown": "0s"}, {"ratio": 0.5}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        Breaker(**wrong)


def test_a_cooldown_cannot_be_longer_than_its_bound():
    with pytest.raises(ValidationError, match="expected a max_cooldown of at least cooldown, 400 s, got 300 s"):
        Breaker(cooldown=400)
