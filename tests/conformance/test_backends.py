"""Which buses the suite ran on, said aloud."""

import pytest
from conformance.conftest import BUSES


@pytest.mark.parametrize("bus", ["streams", "redis", "kafka"])
def test_the_suite_runs_on(bus):
    if bus not in BUSES:
        pytest.skip(f"NOT TESTED on {bus}: no server of it here")
