import pytest

from support.streams import Streams
from support.valkey import own_valkey, redis, valkey, valkey_url

__all__ = ["own_valkey", "redis", "valkey", "valkey_url"]


@pytest.fixture
def streams(valkey, redis):
    return Streams(valkey, redis)
