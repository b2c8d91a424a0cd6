"""`python -m benchmarks.planning`: the CPU that planning a request takes, for a route of ten deployments.

With the price list that ships with the product, and a standing that looks its answers up, as a worker's does.
"""

import argparse
import gc
import json
import sys
import time
from dataclasses import asdict, dataclass

from headgate.routing.plan import Routes, make_plan
from headgate.routing.price_list import GenaiPrices
from headgate.routing.routes import Unroutable, build_routes
from headgate.routing.standing import Quiet
from headgate.routing.target import Plan
from headgate.routing.tokens.estimator import TokenEstimator
from headgate.schemas.config import Config
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

DEPLOYMENTS = 10
HALF = [{"deployment": f"d{nr}"} for nr in range(DEPLOYMENTS // 2)]
REST = [{"deployment": f"d{nr}"} for nr in range(DEPLOYMENTS // 2, DEPLOYMENTS)]
ROUTES: dict[str, dict[str, object]] = {
    "weighted": {},
    "fallback": {"strategy": "fallback"},
    "round-robin": {"strategy": "round-robin"},
    "least-busy": {"strategy": "least-busy"},
    "lowest-latency": {"strategy": "lowest-latency"},
    "lowest-cost": {"strategy": "lowest-cost"},
    "usage-based": {"strategy": "usage-based"},
    "sticky": {"strategy": "sticky", "sticky_on": ["metadata.user", "key"]},
    "a tree": {
        "strategy": "conditional",
        "conditions": [{"when": {"metadata.tier": "gold", "lane": {"$ne": "bulk"}}, "then": "gold"}],
        "default": "all",
        "targets": [
            {"name": "gold", "strategy": "fallback", "targets": HALF},
            {
                "name": "all",
                "targets": [
                    {"weight": 3, "strategy": "least-busy", "targets": HALF},
                    {"strategy": "round-robin", "targets": REST},
                ],
            },
        ],
    },
}


@dataclass
class Row:
    """What planning one request costs."""

    strategy: str
    deployments: int
    plan_us: float


class Standing(Quiet):
    """Looks up what it says."""

    def __init__(self) -> None:
        super().__init__(TokenEstimator().estimate)
        names = [f"d{nr}" for nr in range(DEPLOYMENTS)]
        self._flights = {name: nr % 4 for nr, name in enumerate(names)}
        self._seconds = {name: 0.01 + nr / 1000 for nr, name in enumerate(names)}
        self._left = {name: nr / DEPLOYMENTS for nr, name in enumerate(names)}
        self._open: dict[str, bool] = {}

    def in_flight(self, deployment: str) -> int:
        """Look it up."""
        return self._flights[deployment]

    def seconds_per_token(self, deployment: str) -> float | None:
        """Look it up."""
        return self._seconds[deployment]

    def left(self, deployment: str) -> float | None:
        """Look it up."""
        return self._left[deployment]

    def is_open(self, deployment: str) -> bool:
        """Look it up."""
        return self._open.get(deployment, False)


def routes(route: dict[str, object]) -> Routes:
    """Return the routes of a file with one model of ten deployments."""
    deployments = [
        {"id": f"d{nr}", "provider": "openai", "model": ("gpt-4o-mini", "gpt-4.1")[nr % 2], "weight": nr + 1}
        for nr in range(DEPLOYMENTS)
    ]
    models = [{"name": "m", "deployments": deployments, "route": route}]
    built = build_routes(Config.model_validate({"providers": {"openai": {"api_key": "none"}}, "models": models}), None)
    if isinstance(built, Unroutable):
        raise TypeError(f"expected routes, got {built.problems}")
    return built


def requests(count: int, size: int) -> list[Request]:
    """Return so many requests with bodies of so many bytes."""
    message = {"role": "user", "content": ("seven " * size)[: size - 100]}
    body = json.dumps({"model": "m", "messages": [message], "max_tokens": 300}).encode()
    return [
        Request(
            f"request-{nr}", Endpoint.CHAT, "m", body, "k", Lane.STANDARD, "t", 10**13, 0, metadata={"user": str(nr)}
        )
        for nr in range(count)
    ]


def measure(name: str, asked: list[Request], prices: GenaiPrices) -> Row:
    """Plan all requests three times; the best counts."""
    ours, standing = routes(ROUTES[name]), Standing()
    spent: list[float] = []
    for _ in range(3):
        gc.collect()
        began = time.process_time()
        plans = [make_plan(each, ours, prices, standing) for each in asked]
        spent.append(time.process_time() - began)
        if not all(isinstance(plan, Plan) and len(plan.targets) >= DEPLOYMENTS // 2 for plan in plans):
            raise RuntimeError(f"expected plans of the whole route, got {plans[:1]}")
    return Row(name, DEPLOYMENTS, min(spent) / len(asked) * 1e6)


def run(count: int, size: int) -> list[Row]:
    """Measure all strategies."""
    prices, asked = GenaiPrices.load(), requests(count, size)
    rows = [measure(name, asked, prices) for name in ROUTES]
    for row in rows:
        print(f"plan, {row.deployments} deployments, {row.strategy:15} {row.plan_us:6.1f} µs CPU", file=sys.stderr)
    return rows


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=4096, help="of a request, bytes")
    options = parser.parse_args()
    print(json.dumps([asdict(row) for row in run(options.requests, options.size)], indent=2))


if __name__ == "__main__":
    main()
