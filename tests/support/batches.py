"""What tests of batches share: lines, files, a gateway that answers in any order, a bus that breaks at will."""

import asyncio
import datetime as dt
import json
import random
from collections import Counter

import msgspec

from headgate.producers.batch_state import BatchState, Source
from headgate.producers.fingerprint import fingerprint
from headgate.producers.ids import mint_batch_id, reply_id
from headgate.producers.logbook import Claim, Places
from headgate.producers.memory import MemoryBatchBus
from headgate.producers.runner import BatchRun
from headgate.producers.terms import Terms
from headgate.schemas import headers as names
from headgate.schemas.failures import Code, failure
from headgate.schemas.record import Record, header
from headgate.schemas.reply import Account, Reply, Response, Status, Tokens, encode_reply

NOW = dt.datetime(2026, 11, 22, 15, 3, 1, tzinfo=dt.UTC)
TERMS = Terms("batch-20261122-150301-bcdfghjk", "headgate.requests.standard", "headgate.replies.default")


def chat_line(custom_id, text="hello", **envelope):
    """One line of an OpenAI batch input file."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    line = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body, **envelope}
    return json.dumps(line).encode()


def write_lines(path, lines, end=b"\n"):
    """Write a file of lines."""
    path.write_bytes(b"".join(line + end for line in lines))
    return path


def begin(output, input_file, *, terms=None, bus="memory", cursor="0"):
    """Begin a batch beside its output, or go on with it."""
    claim = Claim(Places.beside(output))
    if claim.state is not None:
        return claim.resume(claim.state)
    source = Source(str(input_file), fingerprint(input_file))
    terms = terms or msgspec.structs.replace(TERMS, batch=mint_batch_id(NOW))
    return claim.begin(BatchState(terms, source, bus, cursor, 0))


def reply_to(request, *, cost=7):
    """Answer a request record: its own text comes back, or it fails if it asks to."""
    line = json.loads(request.value)
    name = header(request.headers, names.REQUEST_ID).decode()
    batch = header(request.headers, names.BATCH)
    text = line["body"]["messages"][0]["content"]
    failed = text.startswith("fail")
    account = Account(
        name,
        Status.FAILED if failed else Status.COMPLETED,
        batch.decode(),
        tokens=Tokens(input=2, output=3),
        cost_nano=cost,
    )
    response = Response(200, "req-1", msgspec.Raw(json.dumps({"echo": text}).encode()))
    why = failure(Code.PROVIDER_ERROR) if failed else None
    reply = Reply(reply_id(name), line["custom_id"], None if failed else response, why, account)
    return Record(header(request.headers, names.REPLY_TO).decode(), encode_reply(reply), None, ((names.BATCH, batch),))


class EchoGateway:
    """Answers out of order, now and then twice, with other people's replies in between; counts what it was asked."""

    def __init__(self, bus, seed=0):
        self.asked = Counter()
        self._bus = bus
        self._random = random.Random(seed)
        self._held = []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _work(self):
        while True:
            try:
                async with asyncio.timeout(0.005 if self._held else None):
                    taken = await self._bus.requests(self._random.randint(1, 9))
            except TimeoutError:
                taken = ()
            self.asked.update(header(request.headers, names.REQUEST_ID).decode() for request in taken)
            self._held += [reply_to(request) for request in taken]
            self._random.shuffle(self._held)
            count = self._random.randint(0, len(self._held))
            out, self._held = self._held[:count], self._held[count:]
            await self._bus.answer([*out, *self._disturbance(out)])

    def _disturbance(self, out):
        """Whatever else a shared topic may hold."""
        topic = TERMS.reply_to
        yield Record(topic, b"noise", None, ())
        for reply in out:
            if self._random.random() < 0.2:
                yield reply
            if self._random.random() < 0.2:
                yield Record(topic, reply.value, None, ((names.BATCH, b"batch-of-somebody"),))
            if self._random.random() < 0.1:
                yield Record(topic, b"not a reply", None, reply.headers)


class CrashError(Exception):
    """The process dies here."""


class BreakingBus:
    """A bus whose `n`th call from now dies, before or after it took effect."""

    def __init__(self, inner: MemoryBatchBus, at_call=None, *, after=False):
        self._inner = inner
        self._left = at_call
        self._after = after

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        async def call(*arguments):
            await asyncio.sleep(0)
            dies = self._dies()
            if dies and not self._after:
                raise CrashError
            result = await method(*arguments)
            if dies:
                raise CrashError
            return result

        return call

    def _dies(self):
        if self._left is None:
            return False
        self._left -= 1
        return self._left == 0


async def run_batch(bus, book, pace, watcher):
    """One go at a batch; the logbook is closed whatever happens."""
    try:
        return await BatchRun(bus, book, watcher, pace).run()
    finally:
        book.close()
