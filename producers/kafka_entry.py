"""Enter Kafka, or say why not: aiokafka logs what went wrong at each broker, and raises that it found none."""

import asyncio
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from .kafka_client import ClientOptions
from .tls import NOT_TLS, UNEXPECTED_TLS, tls_refusal
from .tls_probe import refusal_of, speaks_tls

_LOOK_MS: Final = 5_000
_MOST: Final = 3
_TROUBLE: Final = (OSError, KafkaError, TimeoutError)

_UNKNOWN_MECHANISM: Final = for_code(33)
_NO_SASL: Final = for_code(34)
_WRONG_CREDENTIALS: Final = for_code(58)


class NoEntryError(KafkaConnectionError):
    """No broker lets us in; the message says how we tried, what came, and what to do. It has no secrets."""

    def __str__(self) -> str:
        return str(self.args[0])


async def enter(client: AIOKafkaClient, options: ClientOptions) -> None:
    """Connect: to one of the servers that are configured, then to a broker by the address that the brokers give.

    Raises `NoEntryError` at once: whether to try again is for the caller to say.
    """
    try:
        await client.bootstrap()
        await client.send(client.get_random_node(), MetadataRequest([], False))
    except KafkaError as error:
        raise NoEntryError(await why_not(options)) from error


async def why_not(options: ClientOptions) -> str:
    """Try each server once more and say what came of it. Of many servers, the first few are asked."""
    servers = options["bootstrap_servers"][:_MOST]
    came = await asyncio.gather(*(_look(options, *_split(server)) for server in servers))
    told = [f"{text or 'an answer now; try again'} (from {server})" for server, text in zip(servers, came, strict=True)]
    return f"expected to enter Kafka {_way(options)}, got {'; '.join(told)}"


def _split(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


def _way(options: ClientOptions) -> str:
    tls = "by TLS" if options["ssl_context"] else "without TLS"
    user, mechanism = options["sasl_plain_username"], options["sasl_mechanism"]
    return f"{tls}, without SASL" if user is None else f"{tls}, as {user} by {mechanism}"


async def _look(options: ClientOptions, host: str, port: int, *, follow: bool = True) -> str | None:
    """Return what is in the way of `host`, or else of the first broker that it names; None if nothing is."""
    try:
        brokers = await _brokers(options, host, port)
    except _TROUBLE as error:
        return await _meaning(error, options, host, port)
    for there, its_port in brokers if follow else ():
        came = None if (there, its_port) == (host, port) else await _look(options, there, its_port, follow=False)
        if came is not None:
            return f"{came}, at {there}:{its_port}, which is what advertised.listeners calls a broker"
    return None


async def _brokers(options: ClientOptions, host: str, port: int) -> list[tuple[str, int]]:
    """Connect, and ask which brokers there are and where: it takes what every client may."""
    connection = await _connect(options, host, port, options["security_protocol"])
    try:
        response = await connection.send(MetadataRequest([], False))
    finally:
        connection.close()
    return [(broker[1], broker[2]) for broker in response.brokers]


async def _connect(options: ClientOptions, host: str, port: int, protocol: str) -> AIOKafkaConnection:
    return await create_conn(
        host,
        port,
        client_id=options["client_id"],
        request_timeout_ms=_LOOK_MS,
        security_protocol=protocol,
        ssl_context=options["ssl_context"],
        sasl_mechanism=options["sasl_mechanism"],
        sasl_plain_username=options["sasl_plain_username"],
        sasl_plain_password=options["sasl_plain_password"],
    )


async def _meaning(error: BaseException, options: ClientOptions, host: str, port: int) -> str:
    if isinstance(error, _WRONG_CREDENTIALS):
        return f"a refusal: {' '.join(map(str, error.args))}; check sasl.username, sasl.password and sasl.mechanism"
    if isinstance(error, _UNKNOWN_MECHANISM):
        return f"a refusal of {options['sasl_mechanism']}; check sasl.mechanism"
    if isinstance(error, _NO_SASL):
        return "a listener without SASL; take sasl out of the config, or give the port with SASL"
    if isinstance(error, TimeoutError):
        return f"no answer within {_LOOK_MS // 1000} s"
    return await _about_tls(error, options, host, port) or _about_the_rest(error, options)


async def _about_tls(error: BaseException, options: ClientOptions, host: str, port: int) -> str | None:
    context = options["ssl_context"]
    if context is None:
        return UNEXPECTED_TLS if await speaks_tls(host, port) else None
    return tls_refusal(error) or await refusal_of(host, port, context) or await _in_the_clear(options, host, port)


async def _in_the_clear(options: ClientOptions, host: str, port: int) -> str | None:
    """Say so if a broker answers without TLS; it is told our name, and not our password."""
    try:
        (await _connect(options, host, port, "PLAINTEXT")).close()
    except _TROUBLE:
        return None
    return NOT_TLS


def _about_the_rest(error: BaseException, options: ClientOptions) -> str:
    if not isinstance(error, KafkaError):
        return f"{error}; is a broker there?"
    if options["sasl_plain_username"] is None:
        return "an end of the connection; does it want SASL? See bus.kafka.sasl"
    return "an end of the connection; is it a broker?"
