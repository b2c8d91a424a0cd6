"""A batch whose requests are proved: each by itself, at the last moment, and no key but one's own."""

import json

from headgate.producers.memory import MemoryBatchBus
from headgate.producers.pace import Pace
from headgate.producers.port import Submitted
from headgate.producers.private_key import PrivateKey
from headgate.producers.runner import BatchRun
from headgate.producers.signing import Signer, own_only
from headgate.routing.access.keyring import Keyring
from headgate.schemas.failures import Code, Failure
from headgate.schemas.proof import read_proof
from support.batches import begin, chat_line, write_lines
from support.keys import NOW_MS, PUBLIC_KEY, config, read

KEYRING = Keyring.of(config({"id": "rag", "public_key": PUBLIC_KEY}, {"id": "eve"}))


class Nobody:
    def changed(self, facts):
        pass


class Bus(MemoryBatchBus):
    """Has no room at first, for a while that passes on the signer's clock."""

    def __init__(self):
        super().__init__()
        self.now = NOW_MS / 1000
        self.refusals = 3
        self.records = []

    async def submit(self, batch, records, mark):
        if self.refusals:
            self.refusals -= 1
            self.now += 1000
            return Submitted.FULL
        self.records += records
        return await super().submit(batch, records, mark)


async def submitted(tmp_path, lines):
    bus = Bus()
    book = begin(tmp_path / "out.jsonl", write_lines(tmp_path / "in.jsonl", lines))
    signer = Signer("rag", PrivateKey(bytes([1]) * 32), now=lambda: bus.now)
    pace = Pace(window=10, retry_seconds=0.001)
    await BatchRun(bus, book, Nobody(), pace, own_only(signer.sign)).submit()
    book.close()
    return bus


def judged(record, bus):
    at_ms = int(bus.now * 1000)
    outcome = KEYRING.check(read(record, at_ms=at_ms), record, at_ms)
    return outcome.code if isinstance(outcome, Failure) else outcome.id


async def test_every_request_is_signed_when_it_goes_and_not_when_it_was_read(tmp_path):
    bus = await submitted(tmp_path, [chat_line(f"q{nr}") for nr in range(25)])
    assert len(bus.records) == 25
    assert {judged(record, bus) for record in bus.records} == {"rag"}
    assert {read_proof(record.headers).signed_at for record in bus.records} == {b"%d" % bus.now}


async def test_a_signature_cannot_be_moved_to_another_line_of_the_batch(tmp_path):
    bus = await submitted(tmp_path, [chat_line("q0"), chat_line("q1")])
    first, second = bus.records
    moved = type(first)(second.topic, second.value, second.key, first.headers)
    assert judged(moved, bus) is Code.UNAUTHENTICATED


async def test_lines_of_another_key_go_as_they_are(tmp_path):
    bus = await submitted(tmp_path, [chat_line("q0", key="eve"), chat_line("q1")])
    assert [judged(record, bus) for record in bus.records] == ["eve", "rag"]
    assert read_proof(bus.records[0].headers).kind == "none"
    assert json.loads(bus.records[0].value)["key"] == "eve"
