"""A real evaluation set through `headgate run`: the same answers at the same cost on either bus."""

import json
from pathlib import Path

import pytest

from headgate.schemas.money import usd
from support.buses import kafka_config
from support.cluster import Cluster, write_lines

QUESTIONS = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k_test.jsonl"

pytestmark = pytest.mark.timeout(600)


def requests():
    """Make the evaluation's requests by a template; skip where the set is absent."""
    if not QUESTIONS.exists():
        pytest.skip(f"the evaluation set is absent: {QUESTIONS.name} is expected beside the checkout")
    system = {"role": "system", "content": "Solve the problem step by step; end with #### and the number."}
    for number, text in enumerate(QUESTIONS.read_text().splitlines()):
        messages = [system, {"role": "user", "content": json.loads(text)["question"]}]
        body = {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 300, "seed": 7}
        yield {"custom_id": f"gsm8k-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def run(directory, config):
    """Run the set and return the answers by id, and the ledger's sum."""
    directory.mkdir()
    with Cluster(directory, config) as cluster:
        write_lines(directory / "in.jsonl", requests())
        done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl")
        lines = [json.loads(text) for text in (directory / "out.jsonl").read_text().splitlines()]
        report = json.loads(cluster.headgate("report", "cost", "--format", "json").stdout)
        cost = sum(row["cost_nano"] for row in cluster.ledger())
    assert [each["custom_id"] for each in lines] == [f"gsm8k-{number}" for number in range(1319)]
    assert all(set(each) == {"id", "custom_id", "response", "error"} for each in lines)
    assert "1,319 completed, 0 failed" in done.stdout, done.stdout
    assert str(usd(cost)) in json.dumps(report), report
    answers = {each["custom_id"]: each["response"]["body"]["choices"][0]["message"]["content"] for each in lines}
    return answers, cost


@pytest.mark.kafka
def test_the_same_answers_at_the_same_cost_on_either_bus(tmp_path, kafka_address):
    embedded = run(tmp_path / "embedded", {})
    kafka = run(tmp_path / "kafka", {"bus": {"kafka": kafka_config(kafka_address)}})
    assert embedded[0] == kafka[0]
    assert embedded[1] == kafka[1] > 0
