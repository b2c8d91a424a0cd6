"""The measured tables of docs/benchmarks.md, each between `<!-- begin NAME -->` and `<!-- end NAME -->`."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

Rows = Sequence[dict[str, Any]]


def tables(found: dict[str, Any]) -> dict[str, str]:
    """Return the tables of what `python -m benchmarks` has found, by name; parts that were left out have none."""
    made = {
        "where": (found["where"], _where),
        "buses": (found["rows"], _buses),
        "profile": (found["rows"], _profile),
        "lines": (found["lines"], _lines),
        "admission": (found["admission"], _admission),
        "plans": (found["plans"], _plans),
        "wires": (found["wires"], _wires),
    }
    return {name: table(rows) for name, (rows, table) in made.items() if rows}


def filled(page: str, parts: dict[str, str]) -> str:
    """Return the page with these tables in it."""
    for name, table in parts.items():
        place = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        page, count = place.subn(partial(_put, table), page)
        if count != 1:
            raise SystemExit(f"{PAGE.name}: expected one place for {name}, got {count}")
    return page


def _put(table: str, place: re.Match[str]) -> str:
    return f"{place[1]}\n{table}\n\n{place[2]}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---" for _ in head], *rows))


def _where(where: dict[str, str]) -> str:
    return f"Measured on {where['day']} on {where['cores']} cores, Python {where['python']}."


def _buses(rows: Rows) -> str:
    head = ("bus", "requests/s", "gateway CPU per request", "bare aiohttp", "ratio")
    head += ("added at half load, p50 / p99", "peak memory")
    return _table(
        head,
        [
            (
                row["bus"],
                f"{row['requests_per_second']:,.0f}",
                f"{row['cpu_us']:.0f} µs",
                f"{row['bare_us']:.0f} µs",
                f"{row['ratio']:.2f}",
                f"{row['added_ms']['p50']:.0f} / {row['added_ms']['p99']:.0f} ms",
                f"{row['rss_mb']:.0f} MB",
            )
            for row in rows
        ],
    )


def _profile(rows: Rows) -> str:
    steps = sorted({step for row in rows for step in row["profile"]}, key=lambda step: -_most(step, rows))
    lines = [(step, *(f"{row['profile'].get(step, 0.0):.0f}" for row in rows)) for step in steps]
    sums = ("together", *(f"{sum(row['profile'].values()):.0f}" for row in rows))
    return _table(("µs of CPU per request", *(row["bus"] for row in rows)), [*lines, sums])


def _lines(rows: Rows) -> str:
    head = ("bus", "requests", "behind", "alone, p99", "behind them, p99", "ratio")
    return _table(
        head,
        [
            (
                row["bus"],
                f"{row['free']:,}",
                f"{row['slow']:,}",
                f"{row['alone']:.2f} s",
                f"{row['behind']:.2f} s",
                f"{row['behind'] / row['alone']:.1f}",
            )
            for row in rows
        ],
    )


def _most(step: str, rows: Rows) -> float:
    return max(float(row["profile"].get(step, 0.0)) for row in rows)


def _admission(rows: Rows) -> str:
    head = ("", "requests per call", "round trips per request", "worker", "server", "recorder")
    return _table(
        head,
        [
            (
                row["name"],
                str(row["demands_per_call"]),
                f"{row['round_trips']:.2f}",
                *(f"{row[whose]:.0f} µs" if row[whose] else "" for whose in ("worker_us", "server_us", "recorder_us")),
            )
            for row in rows
        ],
    )


def _plans(rows: Rows) -> str:
    lines = [(f"{row['strategy']}", f"{row['plan_us']:.1f} µs") for row in rows]
    return _table(("strategy", "CPU of a plan"), lines)


def _wires(rows: Rows) -> str:
    return _table(
        ("wire", "endpoint", "encode", "decode", "together"),
        [
            (
                row["family"],
                row["endpoint"],
                f"{row['encode_us']:.0f} µs",
                f"{row['decode_us']:.0f} µs",
                f"{row['encode_us'] + row['decode_us']:.0f} µs",
            )
            for row in rows
        ],
    )
