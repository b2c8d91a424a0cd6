"""What was granted, and what may be: kept apart from both peers, and too simple to be wrong."""

from dataclasses import dataclass, field

from headgate.routing.admission.demand import Demand


@dataclass
class Attempt:
    """One attempt that may begin."""

    worker: str
    demand: Demand
    at_us: int
    #: What its charges are known to have been too much, by limit.
    less: dict[str, int] = field(default_factory=dict)
    in_call: bool = True
    #: Its parallel slots were given to others, because its worker was silent for too long.
    void: bool = False
    #: The true amounts, once its event is durable.
    cost: tuple[int, ...] | None = None
    applied: bool = False

    @property
    def over(self):
        return not self.in_call and (self.applied or not self.demand.holds)

    @property
    def held(self):
        """What it keeps from others, by window."""
        amounts = [hold.amount for hold in self.demand.holds] if self.cost is None else self.cost
        return {hold.window: amount for hold, amount in zip(self.demand.holds, amounts, strict=True)}


class Audit:
    """The log of all attempts."""

    def __init__(self):
        self.log: list[Attempt] = []
        self.settled = {}

    def granted(self, worker, demand, at_us):
        self.log.append(Attempt(worker, demand, at_us))

    @property
    def lasting(self):
        return [attempt for attempt in self.log if not attempt.over]

    def apply(self, attempt):
        """The event is in the ledger."""
        attempt.applied = True
        for hold, amount in zip(attempt.demand.holds, attempt.cost, strict=True):
            self.settled[hold.window] = self.settled.get(hold.window, 0) + amount

    def held(self, window):
        return sum(attempt.held.get(window, 0) for attempt in self.log if not attempt.applied)

    def in_parallel(self, parallel):
        calls = (attempt for attempt in self.log if attempt.in_call and not attempt.void)
        return sum(attempt.demand.calls for attempt in calls if parallel in attempt.demand.parallel)

    def check_parallel(self, parallels):
        for parallel in parallels:
            assert self.in_parallel(parallel) <= parallel.limit, parallel

    def check_budgets(self, windows):
        for window in windows:
            total = self.settled.get(window, 0) + self.held(window)
            assert total <= window.limit, f"{total} of {window}"

    def check_rates(self, limits):
        """Slide a window over the log: a window with the largest sum can be moved until it begins with a call."""
        for limit in limits:
            calls = [
                (attempt.at_us, charge.amount - attempt.less.get(limit.name, 0))
                for attempt in self.log
                for charge in attempt.demand.charges
                if charge.limit.name == limit.name
            ]
            for begin, _ in calls:
                there = sum(amount for at, amount in calls if begin <= at < begin + limit.period_us)
                assert there <= limit.limit, f"{there} from {begin} on in {limit}"

    def check_levels(self, levels, others, limits, now_us):
        """What is said to be taken is no less than what went within the limit's period.

        `others` are those of the peer that does not know of the last slot whether it was given back.
        """
        by_name = {limit.name: limit for limit in limits}
        for level, other in zip(levels, others, strict=True):
            limit = by_name[level.limit]
            went = sum(
                charge.amount - attempt.less.get(limit.name, 0)
                for attempt in self.log
                for charge in attempt.demand.charges
                if charge.limit.name == limit.name and attempt.at_us > now_us - limit.period_us
            )
            assert level.taken >= went, f"{went} of {limit}, told {level}"
            assert now_us <= level.since_us <= other.since_us
