import asyncio

from headgate.schemas.record import Record
from headgate.workers.bus.port import Delivery
from headgate.workers.bus.streams.intake import Intake
from headgate.workers.bus.streams.out import Out
from headgate.workers.bus.streams.settings import StreamsSettings
from headgate.workers.bus.streams.timetable import Timetable


def delivery(number, at_ms=0):
    return Delivery(Record("t", b"%d" % number), f"t/{number}", at_ms, str(number))


async def test_a_delivery_is_taken_note_of_once():
    out = Out()
    one, two = delivery(1), delivery(2)
    assert out.add([one, two]) == [one, two]
    assert out.add([delivery(2), delivery(3)]) == [delivery(3)]
    assert len(out) == 3
    assert one.place in out


async def test_the_oldest_is_what_was_appended_first_whatever_was_delivered_first():
    out = Out()
    assert out.oldest_ms(100) == 0
    out.add([delivery(1, at_ms=50), delivery(2, at_ms=10), delivery(3, at_ms=70)])
    assert out.oldest_ms(100) == 90


async def test_nothing_is_out_when_all_is_removed():
    out = Out()
    await out.drained()
    out.add([delivery(1)])
    draining = asyncio.create_task(out.drained())
    await asyncio.sleep(0)
    assert not draining.done()
    out.remove([delivery(1), delivery(7)])
    await asyncio.wait_for(draining, 1)


async def test_a_commit_during_a_comparison_with_the_book_is_not_taken_for_a_missing_entry():
    """The book's answer, older than the commit, arrives after it."""
    out, admitted = Out(), []
    out.add([delivery(1), delivery(2)])

    class Book:
        def __init__(self):
            self.looks = 0

        async def left(self, known):
            self.looks += 1
            if self.looks > 1:
                return []
            out.remove([delivery(1)])
            assert delivery(1).place in known
            return [delivery(1), delivery(2), delivery(3)]

        async def fresh(self, _wait):
            intake.stopping = True
            return []

        async def due(self):
            return [], None

    async def admit(deliveries):
        admitted.extend(deliveries)

    intake = Intake(Book(), Timetable(StreamsSettings("a")), out, print)
    await intake.run(admit)
    assert admitted == [delivery(3)]
    assert delivery(1).place not in out
