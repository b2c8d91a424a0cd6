"""`python -m benchmarks.wires`: what translating a request of 4 KB and its answer costs, on each wire family.

The request is the rich one of the family's golden files with a long text before it, so that everything is translated.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.outcome import Completion
from headgate.routing.providers.families import FAMILIES
from headgate.routing.service import Service
from headgate.routing.target import Target
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
SIZE = 4_096
ROUNDS, CALLS = 7, 1_000


@dataclass(frozen=True)
class Translated:
    """CPU of one family, µs; the best round of several."""

    family: str
    request_bytes: int
    encode_us: float
    decode_us: float


def measure(family: str) -> Translated:
    """Measure one family by its golden file `rich.json`."""
    facts = json.loads((GOLDEN / family / "rich.json").read_bytes())
    request, target = _request(facts), _target(family, facts)
    reply = HttpReply(200, facts["came"]["headers"], json.dumps(facts["came"]["body"]).encode())
    wire = FAMILIES[family]
    if not isinstance(wire.encode(request, target), HttpCall):
        raise TypeError(f"{family}/rich.json is refused")
    if not isinstance(wire.decode(reply, request, target), Completion):
        raise TypeError(f"{family}/rich.json is no answer")
    encode = _cpu(lambda: wire.encode(request, target))
    decode = _cpu(lambda: wire.decode(reply, request, target))
    return Translated(family, len(request.body), encode, decode)


def _request(facts: dict[str, object]) -> Request:
    body = dict(facts["request"])  # type: ignore[call-overload] # a golden file
    short = len(json.dumps(body))
    body["messages"] = [{"role": "user", "content": "word " * ((SIZE - short) // 5)}, *body["messages"]]
    value = json.dumps(body).encode()
    return Request("r", Endpoint.CHAT, "small", value, "k", Lane.STANDARD, "replies", 10**13, 0)


def _target(family: str, facts: dict[str, object]) -> Target:
    service = Service(drop=frozenset({"*"}))
    return Target("d", family, str(facts["model"]), family, "https://provider.example", 60.0, service=service)


def _cpu(call: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            call()
        best = min(best, time.process_time() - start)
    return best / CALLS * 1e6


def main() -> None:
    """Measure every family that has a rich golden file: a table on standard error, JSON on standard output."""
    rows = [measure(path.parent.name) for path in sorted(GOLDEN.glob("*/rich.json"))]
    for row in rows:
        both = row.encode_us + row.decode_us
        print(
            f"{row.family:18} {row.request_bytes:6} bytes, encode {row.encode_us:5.1f} µs, "
            f"decode {row.decode_us:5.1f} µs, together {both:5.1f} µs CPU",
            file=sys.stderr,
        )
    print(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
