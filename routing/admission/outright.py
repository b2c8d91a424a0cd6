"""What a demand is told whatever else is taken."""

from .demand import Demand
from .verdict import Never, Stale


def never(demand: Demand) -> Never | None:
    """Return what is more than there ever is."""
    for charge in demand.charges:
        if charge.amount > charge.limit.limit:
            return Never(charge.limit.name, charge.amount, charge.limit.limit)
    for parallel in demand.parallel:
        if demand.calls > parallel.limit:
            return Never(parallel.name, demand.calls, parallel.limit)
    for hold in demand.holds:
        if hold.amount > hold.window.limit:
            return Never(hold.window.name, hold.amount, hold.window.limit)
    return None


def stale(demand: Demand, now: int) -> Stale | None:
    """Return whether a window is over or not begun."""
    windows = [hold.window for hold in demand.holds]
    if any(now < window.start_us or (window.end_us is not None and now >= window.end_us) for window in windows):
        return Stale(now)
    return None
