"""Where a Redis is: the configured one, or the embedded server."""

from typing import TYPE_CHECKING

from ..producers.tls import tls_context
from ..schemas.config import RedisServer, Tls
from .embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from ..producers.redis_link import Address


def address_of(redis: RedisServer | None, server: EmbeddedServer | None) -> "Address":
    """Return how to reach `redis`, or the embedded server where none is configured.

    Raises `TlsFileError` when a certificate file cannot be used.
    """
    from ..producers.redis_link import Address  # noqa: PLC0415 - redis-py is for those who use one

    if redis is not None:
        password = None if redis.password is None else redis.password.get_secret_value()
        secured = redis.url.startswith("rediss://")
        return Address(redis.url, password, tls_context(redis.tls or Tls()) if secured else None)
    if server is None:
        raise RuntimeError("expected the embedded server to be entered, it is not")
    return Address(server.ensure)
