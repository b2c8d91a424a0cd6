"""Saying that this worker lives, and taking over from those that do not."""

import asyncio
from collections.abc import Callable
from typing import Final

from ....producers.redis_link import GroupGone, LinkDown, LinkRefused, RedisLink
from .settings import StreamsSettings, script

#: Entries adopted per beat: the rest is left for other workers, or for the next beat.
_ADOPTED: Final = 200
_OLDEST_SERVER: Final = 7
#: After a failed beat the next one comes soon, because others count the gap.
_RETRY_SECONDS: Final = 0.2


class Lifeline:
    """One worker's name in the group. Whoever takes the name fences the process that had it."""

    def __init__(
        self,
        link: RedisLink,
        settings: StreamsSettings,
        token: str,
        *,
        adopted: Callable[[], None],
        trouble: Callable[[LinkDown], None],
        well: Callable[[], None],
    ) -> None:
        self._link = link
        self._settings = settings
        self._token = token
        self._adopted = adopted
        self._trouble = trouble
        self._well = well
        self._keys = (*settings.member_keys, *settings.lanes, *settings.deferrals)
        #: Entries of lanes that no worker has read, by the last beat; None before the first.
        self.lag: int | None = None
        #: The same for deferral topics.
        self.parked: int | None = None

    async def enter(self) -> None:
        """Make what is missing and take the name. Raises `LinkError`."""
        await self._check_version()
        await make_groups(self._link, self._settings)
        await self._beat(taking=True)

    async def run(self) -> None:
        """Beat for ever. Raises `LinkRefused` when another process has taken the name."""
        while True:
            try:
                await self._beat()
                self._well()
            except GroupGone:
                await self._mend()
            except LinkDown as error:
                self._trouble(error)
                await asyncio.sleep(min(_RETRY_SECONDS, self._settings.beat))
                continue
            await asyncio.sleep(self._settings.beat)

    async def leave(self) -> None:
        """Take leave: what this worker has is adopted at the others' next beat."""
        keys = (*self._settings.member_keys, self._settings.commit_key)
        await self._link.run(script("leave"), keys, (self._settings.consumer, self._token))

    async def _beat(self, *, taking: bool = False) -> None:
        settings = self._settings
        gap_ms, lanes = int(settings.gap * 1000), len(settings.topics.lanes)
        args = (settings.group, settings.consumer, self._token, int(taking), gap_ms, _ADOPTED, lanes)
        self.lag, adopted, self.parked = await self._link.run(script("beat"), self._keys, args)
        if adopted:
            self._adopted()

    async def _mend(self) -> None:
        try:
            await make_groups(self._link, self._settings)
        except LinkDown as error:
            self._trouble(error)

    async def _check_version(self) -> None:
        facts: bytes = await self._link.call("INFO", "server")
        version = next((line[14:] for line in facts.split(b"\r\n") if line.startswith(b"redis_version:")), b"?")
        if not version.partition(b".")[0].isdigit() or int(version.partition(b".")[0]) < _OLDEST_SERVER:
            raise LinkRefused(f"expected Redis or Valkey, version 7 or newer, got {version.decode(errors='replace')}")


async def make_groups(link: RedisLink, settings: StreamsSettings) -> None:
    """Make the streams of requests and the consumer group where they are missing. Raises `LinkError`."""
    await link.run(script("group"), (*settings.lanes, *settings.deferrals), (settings.group,))
