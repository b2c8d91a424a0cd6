"""What people do to a gateway that runs: cancel, look at budgets, fill the store anew. Real processes."""

import json

import pytest

from support.cluster import Cluster, line, reconcile, wait_until, write_lines

pytestmark = pytest.mark.timeout(300)

BUDGET = {"usd": "1", "per": "day"}
LIMITS = {"requests_per_minute": 60, "burst": 0.05}


@pytest.fixture
def cluster(tmp_path):
    keys = [{"id": "slow", "limits": LIMITS, "budgets": [BUDGET]}, {"id": "free", "budgets": [BUDGET]}]
    with Cluster(tmp_path, {"keys": keys, "admission": {"dead_after": 3}}) as cluster:
        cluster.simulator("--latency", "300")
        cluster.recorder().line()
        cluster.worker("a").line()
        yield cluster


def submitted(cluster, key, numbers, **fields):
    write_lines(cluster.cwd / "in.jsonl", [line(n, **fields) for n in range(numbers)])
    done = cluster.headgate("submit", "in.jsonl", "--key", key, "--format", "json")
    return json.loads(done.stdout)["rows"][0]["batch"]


def collected(cluster, batch, status):
    """The codes of the answers, None for what was answered."""
    done = cluster.headgate("collect", batch, "-o", f"{batch}.jsonl", check=False)
    assert done.returncode == status, done.stderr
    answers = [json.loads(each) for each in (cluster.cwd / f"{batch}.jsonl").read_text().splitlines()]
    return [answer["error"] and answer["error"]["code"] for answer in answers]


def budgets(cluster):
    """What is settled and held, by budget, nano-dollars."""
    rows = json.loads(cluster.headgate("budgets", "list", "--format", "json").stdout)["rows"]
    return {row["budget"]: (row["settled"], row["held"]) for row in rows}


def test_a_batch_that_is_cancelled_is_answered_to_its_end_and_what_was_called_for_is_paid(cluster):
    batch = submitted(cluster, "slow", 30)
    cluster.sim.wait_for(3)
    said = cluster.headgate("cancel", batch).stderr
    assert batch in said
    assert "what is in flight finishes and is billed" in said
    # what is parked comes back within a minute, for its slot is no further away
    codes = collected(cluster, batch, 3)
    assert set(codes) == {None, "cancelled"}
    called = cluster.sim.served()
    assert codes.count(None) == called < 15
    other = submitted(cluster, "free", 3, words="after")
    assert collected(cluster, other, 0) == [None] * 3


def test_one_request_is_cancelled_and_the_others_of_its_batch_are_not(cluster):
    batch = submitted(cluster, "slow", 18)
    cluster.headgate("cancel", f"{batch}-18")  # a quarter of a minute before its slot
    assert collected(cluster, batch, 3) == [None] * 17 + ["cancelled"]


def test_a_store_that_is_filled_anew_by_hand_has_what_the_ledger_has(cluster):
    first = submitted(cluster, "free", 20)
    assert collected(cluster, first, 0) == [None] * 20
    wait_until(lambda: budgets(cluster)["key:free:usd/day"][1] == "0.000000000", "nothing to be held")
    before = budgets(cluster)
    said = cluster.headgate("budgets", "rebuild").stderr
    assert "nobody spends now" in said
    assert budgets(cluster) == before
    second = submitted(cluster, "free", 20, words="again")
    assert collected(cluster, second, 0) == [None] * 20
    wait_until(
        lambda: budgets(cluster)["key:free:usd/day"][0] > before["key:free:usd/day"][0], "the rest to be settled"
    )
    wait_until(lambda: budgets(cluster)["key:free:usd/day"][1] == "0.000000000", "nothing to be held")
    settled = budgets(cluster)["key:free:usd/day"][0]
    for process in reversed(cluster.processes[1:]):
        assert process.terminate() == 0
    rows = cluster.ledger()
    reconcile(cluster.sim.books(), rows)
    assert settled == f"{sum(row['cost_nano'] for row in rows) / 1e9:.9f}"
