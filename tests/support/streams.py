"""What tests of the Streams peers share."""

from redis.asyncio import Redis

from headgate.producers.redis_link import LinkDown
from headgate.schemas.streams import fields_of, record_of, stream_key
from headgate.schemas.topics import Topics
from headgate.workers.bus.streams.bus import StreamsBus
from headgate.workers.bus.streams.settings import StreamsSettings

GAP = 0.3


class Streams:
    """The streams under one prefix, looked at past all peers."""

    def __init__(self, server, client: Redis) -> None:
        self.server = server
        self.client = client
        self.topics = Topics(server.prefix)
        self.buses = []

    async def close(self):
        """End the buses that a test left open because it failed."""
        for bus in self.buses:
            await bus._close()

    def key(self, topic):
        return stream_key(self.server.prefix, topic)

    def bus(self, consumer="a", **changes):
        settings = {"commit_interval": 0.01, "beat": 0.05, "gap": GAP, "read_wait": 0.1, **changes}
        self.buses.append(StreamsBus(self.server.address, StreamsSettings(consumer, self.server.prefix, **settings)))
        return self.buses[-1]

    async def append(self, records):
        for record in records:
            await self.client.execute_command("XADD", self.key(record.topic), "*", *fields_of(record))

    async def on(self, topic):
        entries = await self.client.execute_command("XRANGE", self.key(topic), "-", "+")
        return [record_of(topic, [part for pair in fields.items() for part in pair]) for _, fields in entries]

    async def values(self, topic):
        return sorted(record.value for record in await self.on(topic))

    async def pending(self, topic, group="headgate-workers"):
        """Return consumer → number of pending entries."""
        summary = await self.client.xpending(self.key(topic), group)
        return {consumer["name"].decode(): consumer["pending"] for consumer in summary["consumers"]}


class LostAnswers:
    """Makes a link do what it is asked and lose the answer, as a connection does that breaks in between."""

    def __init__(self, link, command, count=1):
        self._link, self._command, self.left = link, command, count
        self._call = link.call
        link.call = self

    async def __call__(self, *command, **options):
        answer = await self._call(*command, **options)
        if command[0].startswith(self._command) and answer is not None and self.left:
            self.left -= 1
            await self._link._drop()
            raise LinkDown("the answer got lost")
        return answer
