"""Publishes the alerts that the ledger keeps, and writes down that it has."""

import asyncio
from collections.abc import Mapping
from typing import Final

from ...reporting.ledger import Ledger
from ...schemas import headers as names
from ...schemas.record import Record
from .book_events import BookListener
from .publisher import NotPublished, Publisher

_FIRST_PAUSE: Final = 0.1
_MAX_PAUSE: Final = 5.0
_JSON: Final = b"application/json"


class Herald:
    """An alert is published after the rows that caused it are committed, and again if nobody knows whether it was.

    So a crash at any moment loses none. The same alert may come twice then, with one id and the same bytes.
    """

    def __init__(self, ledger: Ledger, publisher: Publisher, topic: str, listener: BookListener) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._topic = topic
        self._listener = listener
        #: Those that the last recorder left are published first.
        self._news = asyncio.Event()
        self._news.set()

    def __repr__(self) -> str:
        return f"<Herald to {self._topic}>"

    def wake(self) -> None:
        """Hear that the ledger keeps new alerts."""
        self._news.set()

    async def run(self) -> None:
        """Publish, for ever."""
        pause = _FIRST_PAUSE
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.publish_all()
                pause = _FIRST_PAUSE
            except NotPublished as error:
                self._listener.not_alerted(error)
                self._news.set()
                await asyncio.sleep(pause)
                pause = min(_MAX_PAUSE, 2 * pause)

    async def publish_all(self) -> None:
        """Publish what there is. Raises `NotPublished`."""
        alerts = await asyncio.to_thread(self._ledger.unpublished)
        if alerts:
            await self._publisher.publish(self._records(alerts))
            await asyncio.to_thread(self._ledger.published, list(alerts))
            self._listener.alerted(len(alerts))

    async def stop(self) -> None:
        """Close the way to the bus."""
        await self._publisher.stop()

    def _records(self, alerts: Mapping[str, bytes]) -> list[Record]:
        headers = ((names.CONTENT_TYPE, _JSON),)
        return [Record(self._topic, value, name.encode(), headers) for name, value in alerts.items()]
