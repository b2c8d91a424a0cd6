"""How long a key waits behind another's long line: its time in queue alone, and after tens of thousands of requests."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from benchmarks.buses import Load
from benchmarks.gateway import working
from benchmarks.load import chat_body
from headgate.schemas.headers import REQUEST_ID
from headgate.schemas.record import Record
from headgate.schemas.reply import decode_reply
from headgate.schemas.topics import Topics

#: The slow key has a request a second; the other one has no limit.
_KEYS = [{"id": "slow", "limits": {"requests_per_minute": 60}}, {"id": "free"}]
_TOPICS = Topics()
_WINDOW = 500


@dataclass(frozen=True)
class Line:
    """One row; times are the 99th percentile of the time in queue, seconds."""

    bus: str
    slow: int
    free: int
    alone: float
    behind: float


async def measure(load: Load, simulator: str, cwd: Path, slow: int, free: int, size: int) -> Line:
    """Measure one bus, with one worker."""
    async with working(load, simulator, cwd, {"keys": _KEYS}):
        await _waited(load, free, size)  # for connections and caches
        alone = await _waited(load, free, size)
        await _send(load, "slow", _TOPICS.replies(), slow, size)
        return Line(load.name, slow, free, alone, await _waited(load, free, size))


async def _waited(load: Load, count: int, size: int) -> float:
    topic = _TOPICS.replies("free")
    cursor = await load.bus.end_of_replies(topic)
    await _send(load, "free", topic, count, size)
    waits: list[int] = []
    while len(waits) < count:
        got = await load.bus.replies(topic, cursor, 1.0)
        cursor = got.cursor
        waits += [decode_reply(record.value or b"").headgate.queue_ms for record in got.records]
    return sorted(waits)[count * 99 // 100] / 1000


async def _send(load: Load, key: str, reply_to: str, count: int, size: int) -> None:
    batch, body = uuid.uuid4().hex, chat_body(size)
    value = json.dumps({"url": "/v1/chat/completions", "body": body, "key": key, "reply_to": reply_to}).encode()
    for start in range(0, count, _WINDOW):
        numbers = range(start, min(start + _WINDOW, count))
        records = [
            Record(_TOPICS.lanes[1], value, None, ((REQUEST_ID, b"%s-%d" % (batch.encode(), n)),)) for n in numbers
        ]
        await load.bus.submit(batch, records, numbers[-1] + 1)
