"""The garbage collector of a process under load."""

import contextlib
import gc
import weakref

from headgate.workers.ops.garbage import seldom_collected


class Cycle:
    def __init__(self):
        self.itself = self


def test_what_a_process_is_made_of_is_not_looked_at_meanwhile_and_is_afterwards():
    with seldom_collected():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0


def test_it_is_as_before_afterwards_also_when_the_process_fails():
    before = gc.get_threshold()
    with contextlib.suppress(RuntimeError), seldom_collected():
        assert gc.get_threshold()[0] > before[0]
        raise RuntimeError
    assert gc.get_threshold() == before


def test_cycles_are_still_found():
    with seldom_collected():
        first = weakref.ref(Cycle())
        kept = [Cycle() for _ in range(2 * gc.get_threshold()[0])]
        assert first() is None
        assert kept
