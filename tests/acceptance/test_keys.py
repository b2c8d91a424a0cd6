"""Keys as their users meet them: made, put into the config, used, rotated and revoked, with real processes."""

import json

import pytest
import yaml

from support.cluster import Cluster, line, write_lines

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as cluster:
        yield cluster


def made(cluster, *arguments):
    """The lines that a command of `headgate keys` prints."""
    (entry,) = yaml.safe_load(cluster.headgate("keys", *arguments).stdout)["keys"]
    return entry


def configured(cluster, *keys):
    (cluster.cwd / "headgate.yaml").write_text(yaml.safe_dump({**cluster.config, "keys": list(keys)}))


def codes(cluster, *arguments):
    """The codes of the answers, in the order of the lines; None for what was answered."""
    cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", "--force", *arguments, check=False)
    answers = [json.loads(each) for each in (cluster.cwd / "out.jsonl").read_text().splitlines()]
    return [answer["error"] and answer["error"]["code"] for answer in answers]


def test_requests_are_run_for_keys_that_are_proved_and_for_no_others(cluster):
    rag = made(cluster, "create", "rag")
    web = made(cluster, "create", "web", "--bearer", "--key-file", "web.secret")
    ops = made(cluster, "create", "ops", "--trusted")
    configured(cluster, rag, web, {**ops, "models": ["another-*"]})
    lines = [line(0), line(1, key="web"), line(2, key="ops"), line(3, key="nobody"), line(4)]
    write_lines(cluster.cwd / "in.jsonl", lines)

    signed = codes(cluster, "--key", "rag", "--key-file", "rag.pem")
    assert signed == [None, "unauthenticated", "forbidden", "unauthenticated", None]
    lines[0], lines[4] = line(10), line(14)
    write_lines(cluster.cwd / "in.jsonl", lines)
    bearer = codes(cluster, "--key", "web", "--key-file", "web.secret")
    assert bearer == [None, None, "forbidden", "unauthenticated", None]

    booked = {(event["key"], event["outcome"]) for event in cluster.ledger()}
    assert {("rag", "succeeded"), ("web", "succeeded"), ("nobody", "refused"), ("ops", "refused")} <= booked
    secrets = [
        (cluster.cwd / "web.secret").read_bytes().strip(),
        (cluster.cwd / "rag.pem").read_bytes().split(b"\n")[1],
    ]
    written = [path for path in cluster.cwd.rglob("*") if path.is_file() and path.suffix not in {".secret", ".pem"}]
    outside_the_bus = [path for path in written if "valkey" not in path.parts]
    assert any(path.suffix == ".log" for path in outside_the_bus)
    assert [path for path in outside_the_bus if any(secret in path.read_bytes() for secret in secrets)] == []


def test_a_rotated_key_is_still_proved_by_its_former_pair_and_a_revoked_one_by_none(cluster):
    configured(cluster, made(cluster, "create", "rag"))
    rotated = made(cluster, "rotate", "rag")
    configured(cluster, rotated)
    write_lines(cluster.cwd / "in.jsonl", [line(0)])
    assert codes(cluster, "--key", "rag", "--key-file", "rag.pem") == [None]
    configured(cluster, rotated | made(cluster, "revoke", "rag"))
    done = cluster.headgate(
        "run", "in.jsonl", "-o", "o.jsonl", "--key", "rag", "--key-file", "rag.new.pem", check=False
    )
    assert done.returncode == 2
    assert "key_expired" in done.stderr
