"""`python -m benchmarks.wires`: what translating a request of 4 KB and its answer costs, on each wire family.

The request is the rich one of the family's golden files with a long text before it, so that everything is translated;
of some families another endpoint's too.
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
#: Of endpoints beside a family's first one.
OTHERS = ("cohere/embeddings", "cohere/rerank", "voyage/rerank", "jina/rerank", "openai/rerank_of_data")
SIZE = 4_096
ROUNDS, CALLS = 7, 1_000


@dataclass(frozen=True)
class Translated:
    """CPU of one golden file, µs; the best round of several."""

    family: str
    endpoint: str
    request_bytes: int
    encode_us: float
    decode_us: float


def measure(file: Path) -> Translated:
    """Measure a family by one of its golden files."""
    family, facts = file.parent.name, json.loads(file.read_bytes())
    request, target = _request(facts), _target(family, facts)
    reply = HttpReply(200, facts["came"]["headers"], json.dumps(facts["came"]["body"]).encode())
    wire = FAMILIES[family]
    if not isinstance(wire.encode(request, target), HttpCall):
        raise TypeError(f"{file} is refused")
    if not isinstance(wire.decode(reply, request, target), Completion):
        raise TypeError(f"{file} is no answer")
    encode = _cpu(lambda: wire.encode(request, target))
    decode = _cpu(lambda: wire.decode(reply, request, target))
    return Translated(family, request.endpoint, len(request.body), encode, decode)


def _request(facts: dict[str, object]) -> Request:
    body = dict(facts["request"])  # type: ignore[call-overload] # a golden file
    long = "word " * ((SIZE - len(json.dumps(body))) // 5)
    if "messages" in body:
        body["messages"] = [{"role": "user", "content": long}, *body["messages"]]
    else:
        name = "documents" if "documents" in body else "input"
        body[name] = [long, *body[name][1:]]
    value = json.dumps(body).encode()
    endpoint = Endpoint(str(facts["endpoint"]))
    return Request("r", endpoint, "small", value, "k", Lane.STANDARD, "replies", 10**13, 0)


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


def run() -> list[Translated]:
    """Measure every family that has a rich golden file."""
    files = [*sorted(GOLDEN.glob("*/rich.json")), *(GOLDEN / f"{name}.json" for name in OTHERS)]
    return [measure(file) for file in files]


def main() -> None:
    """Measure: a table on standard error, JSON on standard output."""
    rows = run()
    for row in rows:
        both = row.encode_us + row.decode_us
        print(
            f"{row.family:16} {row.endpoint:20} {row.request_bytes:6} bytes, encode {row.encode_us:5.1f} µs, "
            f"decode {row.decode_us:5.1f} µs, together {both:5.1f} µs CPU",
            file=sys.stderr,
        )
    print(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
