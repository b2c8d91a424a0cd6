"""The same file gives the same answers at the same cost on every bus: 1,319 questions, embedded and on Apache Kafka."""

import json
import uuid
from pathlib import Path

import pytest
import yaml

from support.cluster import Cluster, reconcile, write_lines

pytestmark = pytest.mark.timeout(300)

_QUESTIONS = Path(__file__).parents[4] / "shared" / "data" / "gsm8k_test.jsonl"


@pytest.fixture(scope="module")
def questions():
    """One request per question, by a template."""
    if not _QUESTIONS.exists():
        pytest.skip(f"NOTHING WAS TESTED: {_QUESTIONS} is not here")
    asked = [json.loads(line)["question"] for line in _QUESTIONS.read_text(encoding="utf-8").splitlines()]
    assert len(asked) == 1319
    return [_request(number, question) for number, question in enumerate(asked, 1)]


def _request(number, question):
    messages = [
        {"role": "system", "content": "Solve it step by step. The last line is the number alone."},
        {"role": "user", "content": question},
    ]
    body = {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 200}
    return {"custom_id": f"gsm8k-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def _run(folder, questions, config):
    """Run all questions; return the answers by custom_id, and the cost by ledger, summary and books."""
    folder.mkdir()
    with Cluster(folder) as cluster:
        cluster.simulator("--latency", "lognormal:20,100")
        openai = {"base_url": cluster.sim.url, "api_key": "sk-test"}
        deployment = {"id": "mini", "provider": "openai", "model": "gpt-4o-mini"}
        models = [{"name": "gpt-4o-mini", "deployments": [deployment]}]
        config = {**cluster.config, "providers": {"openai": openai}, "models": models, **config}
        (folder / "headgate.yaml").write_text(yaml.safe_dump(config))
        write_lines(folder / "in.jsonl", questions)
        done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", "--format", "json")
        (row,) = json.loads(done.stdout)["rows"]
        assert (row["completed"], row["failed"]) == (1319, 0)
        assert reconcile(cluster.sim.books(), cluster.ledger()) == {"succeeded": 1319}
        assert row["cost_nano"] == sum(event["cost_nano"] for event in cluster.ledger())
    answers = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]
    assert [answer["custom_id"] for answer in answers] == [question["custom_id"] for question in questions]
    said = {answer["custom_id"]: answer["response"]["body"]["choices"] for answer in answers}
    return said, row["cost_nano"], row["input_tokens"], row["output_tokens"]


@pytest.mark.kafka
def test_the_embedded_bus_and_kafka_give_the_same_answers_at_the_same_cost(questions, tmp_path, kafka_address):
    kafka = {"bootstrap_servers": [kafka_address], "prefix": f"t{uuid.uuid4().hex[:8]}.", "partitions": 3}
    on_kafka = _run(tmp_path / "kafka", questions, {"bus": {"kafka": kafka}})
    embedded = _run(tmp_path / "embedded", questions, {})
    assert embedded == on_kafka
    assert len(embedded[0]) == 1319
