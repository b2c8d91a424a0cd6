"""Every metric there is, described where it is declared. `docs/metrics.md` is made from this file.

Names follow Prometheus: `headgate_` in front, base units (seconds, bytes, dollars) behind, `_total` for what grows.
"""

import enum
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "headgate_"


class Kind(enum.StrEnum):
    """What a metric's numbers mean to Prometheus."""

    #: Only grows, from 0 at the start of the process.
    COUNTER = "counter"
    #: Is what it is now.
    GAUGE = "gauge"
    #: Counts observations by size.
    HISTOGRAM = "histogram"


class Part(enum.StrEnum):
    """Which process has the metric."""

    WORKER = "worker"
    RECORDER = "recorder"
    EVERY = "every process"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `meaning` is its help text, and its row in the docs."""

    name: str
    kind: Kind
    part: Part
    meaning: str
    labels: tuple[str, ...] = ()
    #: Upper bounds, of histograms; beyond the last one is one bucket more.
    bounds: tuple[float, ...] = ()


def _worker(name: str, kind: Kind, meaning: str, *labels: str, bounds: tuple[float, ...] = ()) -> Metric:
    return Metric(PREFIX + name, kind, Part.WORKER, meaning, labels, bounds)


def _recorder(name: str, kind: Kind, meaning: str, *labels: str, bounds: tuple[float, ...] = ()) -> Metric:
    return Metric(PREFIX + name, kind, Part.RECORDER, meaning, labels, bounds)


#: Calls to providers take from milliseconds (embeddings) to many minutes (reasoning).
_CALL_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
#: A request may wait from nothing to its whole deadline of a day.
_WAIT_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0)
_APPEND_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# What the gateway holds

DELIVERIES: Final = _worker(
    "deliveries_total", Kind.COUNTER, "Request records taken in; a redelivery counts again, so it may exceed replies."
)
IN_FLIGHT: Final = _worker("in_flight_requests", Kind.GAUGE, "Requests taken in and not yet answered.")
IN_FLIGHT_BYTES: Final = _worker("in_flight_bytes", Kind.GAUGE, "Size of the records of those requests.")

# What becomes of requests

REPLIES: Final = _worker(
    "replies_total",
    Kind.COUNTER,
    "Terminal replies by how the request ended: completed, failed, expired, cancelled or refused.",
    "lane",
    "status",
)
REFUSALS: Final = _worker(
    "refusals_total", Kind.COUNTER, "Requests that ended before any attempt, by the code of the failure.", "code"
)
DEAD_LETTERS: Final = _worker(
    "dead_letters_total", Kind.COUNTER, "Records that nobody could be answered for, by the code of the failure.", "code"
)
QUEUE_WAIT: Final = _worker(
    "queue_wait_seconds",
    Kind.HISTOGRAM,
    "From the arrival of a request on its topic to the beginning of its run, of requests that were answered.",
    "lane",
    bounds=_WAIT_SECONDS,
)

# Attempts

ATTEMPTS: Final = _worker(
    "attempts_total",
    Kind.COUNTER,
    "Calls to providers by outcome (succeeded, failed, uncertain); `code` is empty for those that succeeded. "
    "An `uncertain` one with the code `interrupted` was begun by a worker that died.",
    "deployment",
    "outcome",
    "code",
)
ATTEMPT_SECONDS: Final = _worker(
    "attempt_seconds", Kind.HISTOGRAM, "How long a call took, whatever came of it.", "deployment", bounds=_CALL_SECONDS
)
RETRIES: Final = _worker("retries_total", Kind.COUNTER, "Attempts after the first of their run.", "deployment")
TOKENS: Final = _worker(
    "tokens_total",
    Kind.COUNTER,
    "Tokens by kind: `input` includes `cached` and `cache_write`, `output` includes `reasoning`; of `uncertain` "
    "attempts, an estimate.",
    "deployment",
    "kind",
)
COST: Final = _worker(
    "cost_dollars_total", Kind.COUNTER, "What attempts cost, uncertain ones included as estimated.", "deployment"
)
UNCERTAIN_COST: Final = _worker(
    "uncertain_cost_dollars_total",
    Kind.COUNTER,
    "The part of the cost that is an estimate, because nobody knows what the provider did.",
    "deployment",
)

# Admission

WAITING: Final = _worker(
    "waiting_requests", Kind.GAUGE, "Requests in memory that wait for a slot, a place or a pause of their provider."
)
CALLS_LIMIT: Final = _worker(
    "calls_limit",
    Kind.GAUGE,
    "How many calls at a time this worker has found a deployment to take; absent: its provider has refused none and "
    "has said nothing of limits.",
    "deployment",
)
ESTIMATE_ERROR: Final = _worker(
    "estimate_error_ratio",
    Kind.GAUGE,
    "How far token estimates are off, as a share of what the provider counted; a mean over the last few dozen "
    "attempts that were held to limits or budgets, 0 until there are any. `kind` is input or output.",
    "kind",
)

# Health

CIRCUIT_STATE: Final = _worker(
    "circuit_state",
    Kind.GAUGE,
    "What this worker knows of a circuit, of a deployment or of a credential (`credential:<provider>`): 0 closed, "
    "1 half-open, which means that a probe is under way or may begin, 2 open or paused.",
    "circuit",
)
CIRCUIT_OPENINGS: Final = _worker(
    "circuit_openings_total",
    Kind.COUNTER,
    "How often a circuit opened because of a call of this worker, after a probe again or for the first time; the sum "
    "over workers is the fleet's.",
    "circuit",
)
CIRCUITS_SHARED: Final = _worker(
    "circuits_shared", Kind.GAUGE, "1 while the store answers, 0 while this worker goes by what it sees itself."
)

# The bus

BUS_READY: Final = _worker("bus_ready", Kind.GAUGE, "1 when the bus is joined, assigned and able to commit, else 0.")
BUS_LAG: Final = _worker(
    "bus_lag_records", Kind.GAUGE, "Request records behind the newest one, over this worker's share; absent: unknown."
)
BUS_PARKED: Final = _worker(
    "bus_parked_records",
    Kind.GAUGE,
    "Requests that wait on deferral topics, over this worker's share; absent: unknown.",
)
BUS_OLDEST: Final = _worker(
    "bus_oldest_seconds", Kind.GAUGE, "Age of the oldest request that was delivered and is not answered; 0: none."
)
BUS_UNCOMMITTED: Final = _worker(
    "bus_uncommitted_requests", Kind.GAUGE, "Requests that were delivered and whose end is not committed."
)
BUS_COMMIT_SECONDS: Final = _worker("bus_commit_seconds_total", Kind.COUNTER, "Time spent in commits.")
BUS_COMMITS: Final = _worker("bus_commits_total", Kind.COUNTER, "Commits of replies, usage and progress.")

# The store

STORE_CALLS: Final = _worker(
    "store_calls_total", Kind.COUNTER, "Calls of the journal, admission and health to the store."
)
STORE_SECONDS: Final = _worker("store_seconds_total", Kind.COUNTER, "Time spent in those calls.")
STORE_ERRORS: Final = _worker(
    "store_errors_total",
    Kind.COUNTER,
    "Of those calls, the ones that did not reach the store; they are repeated, except those of health.",
)

# The recorder

LEDGER_ROWS: Final = _recorder("ledger_rows_total", Kind.COUNTER, "Usage events appended to the ledger.")
LEDGER_SETTLED: Final = _recorder(
    "ledger_settled_total", Kind.COUNTER, "Real usage events that took the place of their `uncertain` stand-ins."
)
LEDGER_DUPLICATES: Final = _recorder(
    "ledger_duplicates_total", Kind.COUNTER, "Usage events that the ledger already had: published twice, counted once."
)
LEDGER_BAD: Final = _recorder(
    "ledger_bad_values_total", Kind.COUNTER, "Values of the usage topic that are no usage events; kept aside."
)
LEDGER_APPEND_SECONDS: Final = _recorder(
    "ledger_append_seconds", Kind.HISTOGRAM, "How long one append to DuckDB took.", bounds=_APPEND_SECONDS
)
LEDGER_LAG: Final = _recorder(
    "ledger_lag_records", Kind.GAUGE, "Usage events not yet read from the usage topic; absent: unknown."
)
LEDGER_SNAPSHOTS: Final = _recorder(
    "ledger_snapshots_total", Kind.COUNTER, "Snapshots for readers, by whether they were published or failed.", "result"
)
LEDGER_SNAPSHOT_SECONDS: Final = _recorder(
    "ledger_snapshot_seconds_total", Kind.COUNTER, "Time spent publishing snapshots; nothing is appended meanwhile."
)

BOOK_OPENED: Final = _recorder(
    "book_opened_total", Kind.COUNTER, "How often the store was filled from the ledger, because it was empty or behind."
)
BOOK_POSTED: Final = _recorder("book_posted_total", Kind.COUNTER, "Attempts that the ledger has settled in the store.")
BOOK_AWAY: Final = _recorder(
    "book_away_total", Kind.COUNTER, "Times that the store could not be reached; it is tried again."
)
ALERTS: Final = _recorder(
    "alerts_total",
    Kind.COUNTER,
    "Alerts by whether they were published or failed; those that failed are tried again.",
    "result",
)

# Every process

BUILD: Final = Metric(
    f"{PREFIX}build_info", Kind.GAUGE, Part.EVERY, "1, with the version that runs.", ("version", "python")
)
LOG_LINES: Final = Metric(f"{PREFIX}log_lines_total", Kind.COUNTER, Part.EVERY, "Lines logged, by level.", ("level",))
LOOP_LAG: Final = Metric(
    f"{PREFIX}loop_lag_seconds",
    Kind.GAUGE,
    Part.EVERY,
    "How late the event loop was at the last look; /healthz fails when it grows.",
)

#: All of the above, in the order in which they are declared.
CATALOGUE: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
