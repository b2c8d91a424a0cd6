"""Where a Redis is: the configured one, or the embedded server."""

from typing import TYPE_CHECKING

from ..schemas.config import RedisServer, Tls
from .embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from ..producers.redis_link import Address


def address_of(redis: RedisServer | None, server: EmbeddedServer | None) -> "Address":
    """Return how to reach `redis`, or the embedded server where none is configured."""
    from ..producers.redis_link import Address  # noqa: PLC0415 - redis-py is for those who use one

    if redis is not None:
        tls = redis.tls or Tls()
        password = None if redis.password is None else redis.password.get_secret_value()
        return Address(redis.url, password, tls.ca_file, tls.cert_file, tls.key_file, tls.check_hostname)
    if server is None:
        raise RuntimeError("expected the embedded server to be entered, it is not")
    return Address(server.ensure)
