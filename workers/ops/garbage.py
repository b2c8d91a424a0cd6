"""How often Python looks for cycles of objects in a process that carries thousands of requests."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

#: Objects that a process may have more than at the last look before the next one: the requests in flight are some
#: hundred thousand, and nearly all are freed without it, when nobody refers to them any more.
_YOUNG: Final = 50_000


@contextmanager
def seldom_collected() -> Generator[None]:
    """Leave alone what the process is made of by now, and look seldom for cycles in what requests leave behind.

    Python's own thresholds look through all of 700 new objects at a time, which took a sixth of a gateway's CPU
    (docs/benchmarks.md).
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
