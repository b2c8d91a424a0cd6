"""A bench whose provider notes when it is called, by a virtual clock, and whose requests have a key."""

from support.gateways import Bench, Provider, chat, config_of

START = 1_800_000_000.0


def held_to(**key):
    return config_of(keys=[{"id": "k", **key}])


def asked(number, **fields):
    return chat(number, key="k", **fields)


class Watch(Provider):
    """Notes when it is called, and answers after a while if it is told to."""

    def __init__(self, *steps):
        super().__init__(*steps)
        self.at = []
        self.seconds_each = 0.0

    def on(self, time):
        self.time = time
        return self

    async def call(self, call, seconds):
        self.at.append(self.time.at - START)
        if self.seconds_each:
            await self.time.sleep(self.seconds_each)
        return await super().call(call, seconds)


def watched(**fields):
    bench = Bench(Watch(), **fields)
    bench.provider.on(bench.time)
    return bench
