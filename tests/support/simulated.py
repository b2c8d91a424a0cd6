"""Deployments that the simulator plays, one for each wire family, and what each of them is asked."""

import itertools
from dataclasses import dataclass, replace

import pytest

from headgate.routing.http import HttpReply
from headgate.routing.providers.families import FAMILIES
from headgate.schemas.request import Endpoint
from headgate.workers.simulator.desk import Desk
from headgate.workers.simulator.http_reader import HttpRequest
from support.any_body import PIXEL, TOOL
from support.providers import target_of

_VERTEX = "/v1/projects/p/locations/europe-west4/publishers"


@dataclass(frozen=True)
class Played:
    """A provider of the catalogue, its model, and where the simulator speaks its wire."""

    provider: str
    wire: str
    model: str
    root: str
    endpoints: tuple[str, ...] = ("chat",)

    def target(self, url="http://simulator", **changes):
        return replace(target_of(self.provider, self.model, base_url=url + self.root, drop=["*"]), **changes)


#: A row for each wire. Those that no family speaks yet are skipped, and say so.
PLAYED = (
    Played(
        "openai",
        "openai",
        "gpt-5-mini",
        "/v1",
        ("chat", "embeddings", "responses", "moderations", "images", "transcriptions"),
    ),
    Played("anthropic", "anthropic", "claude-sonnet-4-5", "/v1"),
    Played("vertex-anthropic", "vertex-anthropic", "claude-sonnet-4-5@20250929", f"{_VERTEX}/anthropic/models"),
    Played("gemini", "gemini", "gemini-2.5-flash", "/v1beta", ("chat", "embeddings")),
    Played("vertex", "vertex", "gemini-3.5-pro", f"{_VERTEX}/google/models"),
    Played("azure", "azure-openai", "my-deployment", "/openai/v1", ("chat", "embeddings", "responses")),
    Played("bedrock", "bedrock-converse", "anthropic.claude-sonnet-4-5-20250929-v1:0", ""),
    Played("cohere", "cohere", "command-a-03-2025", "/v2", ("chat", "embeddings", "rerank")),
    Played("voyage", "voyage", "voyage-3.5", "/voyage/v1", ("embeddings", "rerank")),
    Played("jina", "jina", "jina-embeddings-v4", "/jina/v1", ("embeddings", "rerank")),
)

_LONG = "Why is the lock closed? " * 400
_SCHEMA = TOOL["parameters"]
_CHATS = (
    {},
    {"max_tokens": 9},
    {"tools": [{"type": "function", "function": TOOL}], "tool_choice": "required"},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": _SCHEMA}}},
    {"reasoning_effort": "high", "max_tokens": 20_000},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": _LONG}]},
    {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": _LONG, "cache_control": {"type": "ephemeral"}}],
            }
        ]
    },
    {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"answer":"x"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "It is open."},
        ],
        "tools": [{"type": "function", "function": TOOL}],
    },
)
_BODIES = {
    "chat": tuple({"messages": [{"role": "user", "content": "Why?"}]} | changes for changes in _CHATS),
    "responses": ({"input": "Why?"}, {"input": _LONG, "reasoning": {"effort": "low"}}),
    "embeddings": ({"input": ["Why?", "Because."]}, {"input": "Why?", "dimensions": 8, "encoding_format": "base64"}),
    "moderations": ({"input": ["Why?", "Because."]},),
    "images": ({"prompt": "A lock", "n": 2, "quality": "low"},),
    "transcriptions": ({"file": "data:audio/mpeg;base64,SUQzBAAAAAAAI1RTU0UAAAA="},),
    "rerank": ({"query": "Why?", "documents": ["Because.", "It is closed.", "No."], "top_n": 2},),
}


def asked_of(played):
    """Yield what is asked of a deployment: endpoint and body."""
    for name in played.endpoints:
        if name.upper() in Endpoint.__members__:
            yield from itertools.product((Endpoint[name.upper()],), _BODIES[name])


def spoken(played):
    """Skip what no family speaks yet."""
    if played.wire not in FAMILIES:
        pytest.skip(f"SKIPPED LOUDLY: no wire family {played.wire!r} yet; the simulator speaks it already")
    return played


def answered(desk: Desk, call, **headers: str):
    """Carry out a call on a simulator in this process, without any socket."""
    sent = {name.lower().encode(): value.encode() for name, value in call.headers}
    sent |= {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    path, _, query = call.url.removeprefix("http://simulator").partition("?")
    job = desk.receive(HttpRequest(b"POST", path.encode(), query.encode(), sent, call.body, keep_alive=True, old=False))
    job.done()
    lines = (job.identity + job.plan.headers).decode().splitlines()
    told = dict(line.split(": ", 1) for line in lines)
    return HttpReply(job.plan.status, told, job.plan.delivery.body)
