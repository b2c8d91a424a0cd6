"""What the recorder needs beside the ledger where somebody is held to limits or budgets."""

from contextlib import AsyncExitStack
from typing import Final

from ...producers.redis_link import Address, RedisLink
from ...reporting.ledger import Ledger
from ...routing.admission.rulebook import Rulebook
from ...routing.admission.taking import Bookkeeping
from ...schemas.config import Config
from ...schemas.topics import Topics
from ..addresses import address_of
from ..admission.redis_book import RedisBook
from ..embedded.server import EmbeddedServer
from ..recorder.appends import Appends, BudgetAppends, PlainAppends
from ..recorder.book_events import BookListener
from ..recorder.bookings import Bookings
from ..recorder.herald import Herald
from ..recorder.keeper import BookKeeper, Patience
from ..recorder.publisher import Publisher
from ..recorder.surveying import Surveyor

#: Seconds; a worker's heart beats every second.
_AT_HOME: Final = 2.5


def holds_anybody(config: Config) -> bool:
    """Say whether there are limits or budgets at all: without them the recorder needs no store."""
    return bool(Rulebook.of(config))


def needs_store_server(config: Config) -> bool:
    """Say whether the store lives on the embedded Valkey."""
    return config.store is None and (config.bus is None or config.bus.redis is None)


def appends_for(
    config: Config, ledger: Ledger, server: EmbeddedServer | None, stack: AsyncExitStack, listener: BookListener
) -> Appends:
    """Return how the recorder appends. `stack` closes the connection to the store."""
    rulebook = Rulebook.of(config)
    if not rulebook:
        return PlainAppends(ledger)
    surveyor = Surveyor(rulebook)
    patience = Patience(grace=grace_seconds(config))
    keeper = BookKeeper(store_book(config, server, stack), ledger, surveyor, listener, patience)
    herald = Herald(ledger, _publisher(config, server), Topics(config.prefix).alerts, listener)
    return BudgetAppends(ledger, Bookings(rulebook, Bookkeeping()), surveyor, keeper, herald)


def grace_seconds(config: Config) -> float:
    """Return how long after the store was filled nobody may spend yet, so that live workers take their holds up again.

    They do so at once when they reach it. Who does not for `dead_after` counts as dead; on one machine, where nothing
    but a process can be away, that is known sooner.
    """
    dead_after = config.admission.dead_after
    return min(dead_after, _AT_HOME) if needs_store_server(config) else dead_after


def store_book(config: Config, server: EmbeddedServer | None, stack: AsyncExitStack) -> RedisBook:
    """Return the store's book, not connected yet."""
    link = RedisLink(_store_address(config, server))
    stack.push_async_callback(link.close)
    prefix = config.prefix if config.store is None else config.store.redis.prefix
    return RedisBook(link, prefix, settle_seconds=0.0)  # the keeper waits for longer, and for more


def _store_address(config: Config, server: EmbeddedServer | None) -> Address:
    if config.store is not None:
        return address_of(config.store.redis, server)
    return address_of(None if config.bus is None else config.bus.redis, server)


def _publisher(config: Config, server: EmbeddedServer | None) -> Publisher:
    if config.bus is not None and config.bus.kafka is not None:
        from ..recorder.publisher_kafka import KafkaPublisher  # noqa: PLC0415 - one bus is imported, the one in use

        return KafkaPublisher(config.bus.kafka)
    from ..recorder.publisher_streams import StreamsPublisher  # noqa: PLC0415 - as above

    redis = None if config.bus is None else config.bus.redis
    return StreamsPublisher(address_of(redis, server), config.prefix)
