import pytest

from support.streams import Streams
from support.valkey import own_valkey, redis, valkey, valkey_url

__all__ = ["own_valkey", "redis", "valkey", "valkey_url"]


@pytest.fixture
async def streams(valkey, redis):
    streams = Streams(valkey, redis)
    yield streams
    await streams.close()
