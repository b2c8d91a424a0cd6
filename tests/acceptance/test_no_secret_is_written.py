"""A whole job with real credentials: nothing that it writes holds any, not even what a provider quoted."""

import base64
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from headgate.workers.embedded.server import EmbeddedServer
from support.cluster import Cluster, line, write_lines

pytestmark = pytest.mark.timeout(300)

FIRST = "sk-first/secret+of==the~run"
SECOND = "sk-second-secret-of-the-run"
FILED = "sk-filed-secret-of-the-run"
#: Credentials that are never refused: they are there for when the one beside them is paused, for a minute.
SPARES = ("sk-spare-secret-of-the-run", "sk-other-spare-of-the-run")
#: Stands in the requests, so that finding no secret means something.
CANARY = "canary-that-must-be-found"
MODELS = ("one", "two", "three")


class Indiscreet(BaseHTTPRequestHandler):
    """A provider that quotes credentials in its errors, refuses each but the spares, and answers most second calls."""

    protocol_version = "HTTP/1.1"
    shown: ClassVar[Counter] = Counter()
    refused: ClassVar[set] = set()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        credential = self.headers["Authorization"].removeprefix("Bearer ")
        self.shown[credential] += 1
        if self.shown[credential] % 4 == 2 and credential not in SPARES:
            self.refused.add(credential)
            self._send(401, {"error": {"message": f"no such key: {credential}", "code": "invalid_api_key"}})
        elif self.shown[credential] % 2:
            self._send(500, {"error": {"message": f"{credential} broke it", "param": credential}})
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
            self._send(200, {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})

    def _send(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def provider():
    Indiscreet.shown, Indiscreet.refused = Counter(), set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Indiscreet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


async def stored(directory):
    """All that the streams and the store hold, as the server tells it: its files are compressed in part."""
    told = []
    async with EmbeddedServer(directory) as server, Redis.from_url(await server.ensure()) as client:
        async for name in client.scan_iter():
            told += [name, await contents(client, name)]
    return b"\n".join(told)


async def contents(client, name):
    match (await client.type(name)).decode():
        case "string":
            found = await client.get(name)
        case "hash":
            found = await client.hgetall(name)
        case "stream":
            found = [await client.xrange(name), await client.xinfo_groups(name)]
        case "zset":
            found = await client.zrange(name, 0, -1, withscores=True)
        case "set":
            found = await client.smembers(name)
        case "list":
            found = await client.lrange(name, 0, -1)
        case other:
            raise AssertionError(f"a key of another type: {other}")
    return repr(found).encode()


def spellings(secret):
    plain = secret.encode()
    return {
        plain,
        base64.b64encode(plain),
        plain.hex().encode(),
        quote(secret, safe="").encode(),
        json.dumps(secret).encode(),
    }


async def test_nothing_that_a_run_writes_holds_a_secret(tmp_path, provider, monkeypatch):
    (outside := tmp_path / "secrets").mkdir()
    (outside / "third").write_text(FILED)
    (inside := tmp_path / "run").mkdir()
    monkeypatch.setenv("FIRST_KEY", FIRST)
    monkeypatch.setenv("SECOND_KEY", SECOND)
    monkeypatch.setenv("SPARE_KEY", SPARES[0])
    monkeypatch.setenv("OTHER_SPARE_KEY", SPARES[1])
    second = [{"api_key": "os.environ/SECOND_KEY", "weight": 9}, {"api_key": "os.environ/SPARE_KEY"}]
    third = [{"file": str(outside / "third"), "weight": 9}, {"api_key": "os.environ/OTHER_SPARE_KEY"}]
    price = {"input": 1, "output": 1}
    config = {
        "providers": {
            "one": {"base_url": provider, "api_key": "${FIRST_KEY}"},
            "two": {"base_url": provider, "credentials": second},
            "three": {"base_url": provider, "credentials": third},
        },
        "models": [
            {
                "name": name,
                "deployments": [{"id": f"{name}-a", "provider": name, "model": "m", "price": price}],
                "route": {"retries": 6, "backoff": "1ms", "max_backoff": "2ms"},
            }
            for name in MODELS
        ],
        "operations": {"log_level": "debug", "worker_port": 0, "recorder_port": 0},
    }
    with Cluster(inside, config) as cluster:
        write_lines(inside / "in.jsonl", [line(n, model=MODELS[n % 3], words=CANARY) for n in range(24)])
        done = cluster.headgate("run", "in.jsonl", "-o", "out.jsonl", check=False)
        assert done.returncode in (0, 3), done.stderr
        report = cluster.headgate("report", "cost", "--by", "provider")
        ledger = repr(cluster.ledger())
    written = {str(path): path.read_bytes() for path in inside.rglob("*") if path.is_file()}
    written |= {"streams and store": await stored(inside / ".headgate"), "ledger": ledger.encode()}
    written |= {"stdout": (done.stdout + report.stdout).encode(), "stderr": (done.stderr + report.stderr).encode()}

    assert Indiscreet.refused == {FIRST, SECOND, FILED}, "each was refused, and quoted, by the provider"
    answers = [json.loads(answer) for answer in (inside / "out.jsonl").read_bytes().splitlines()]
    failed = {answer["custom_id"] for answer in answers if answer["error"] is not None}
    assert failed <= {f"c{n}" for n in range(0, 24, 3)}, "one of two credentials at fault costs no request its answer"
    assert [name for name, content in written.items() if CANARY.encode() in content]
    assert b"no such key: ***" in written[str(inside / "out.jsonl")], "no quoted credential got as far as the replies"
    kinds = {name.rpartition(".")[2] for name in written}
    assert {"duckdb", "aof", "jsonl", "streams and store"} <= kinds
    found = {
        (name, secret)
        for name, content in written.items()
        for secret in (FIRST, SECOND, FILED, *SPARES)
        for spelling in spellings(secret)
        if spelling in content
    }
    assert found == set()
