"""How every Kafka client of Headgate connects: servers, TLS and SASL from the config."""

import ssl
from typing import Final, TypedDict

from ..schemas.config import KafkaBus
from .tls import tls_context

#: The largest record that any topic of Headgate takes, bytes. compose/kafka.d/settings.py says the same.
MAX_RECORD_BYTES: Final = 10 * 1024 * 1024


class ClientOptions(TypedDict):
    """The keyword arguments that aiokafka's consumer, producer, client and admin client have in common."""

    bootstrap_servers: list[str]
    client_id: str
    metadata_max_age_ms: int
    retry_backoff_ms: int
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


def client_options(config: KafkaBus, client_id: str) -> ClientOptions:
    """Return how to connect. `client_id` is what the broker's logs and quotas call this client.

    Raises `TlsFileError` when a certificate file cannot be used.
    """
    sasl = config.sasl
    return {
        "bootstrap_servers": list(config.bootstrap_servers),  # a list: aiokafka takes "a,b" for one host
        "client_id": client_id,
        "metadata_max_age_ms": 60_000,  # new partitions and moved leaders are noticed within a minute
        "retry_backoff_ms": 20,  # the default of 100 is slept in the middle of transactions
        "security_protocol": f"{'SASL_' if sasl else ''}{'SSL' if config.tls else 'PLAINTEXT'}",
        "ssl_context": tls_context(config.tls) if config.tls else None,
        "sasl_mechanism": sasl.mechanism if sasl else "PLAIN",
        "sasl_plain_username": sasl.username if sasl else None,
        "sasl_plain_password": sasl.password.get_secret_value() if sasl else None,
    }
