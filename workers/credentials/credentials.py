"""All secrets of a process by the names of their credentials, in memory, and renewed while it runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ...routing.credentials import named
from ...routing.providers.aws import keys_of
from ...schemas.config_providers import Credential, Provider
from .sources import Fixed, InFile, NoSecret, Printed, Source

_log: Final = logging.getLogger(__name__)


class Credentials:
    """Knows secrets from `start`, or the beginning of `async with`, on."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        learned: Callable[[str], object] = lambda _: None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`learned` hears every secret before it is used, so that logs can keep it out of sight."""
        self._sources = sources
        self._learned = learned
        self._sleep = sleep
        self._secrets: dict[str, str] = {}
        self._renewing: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, providers: Mapping[str, Provider], learned: Callable[[str], object] = lambda _: None) -> Self:
        """Make those of a config, none read yet."""
        return cls({name: source for each in providers.items() for name, source in _sources(*each)}, learned)

    def secret(self, name: str) -> str | None:
        """Return a credential's secret as it is now, None if there is no such credential. Never waits."""
        return self._secrets.get(name)

    async def start(self) -> None:
        """Read all of them. Raises `NoSecret` with a line for each that cannot be read."""
        read = await asyncio.gather(*(self._read(name) for name in self._sources))
        problems = [problem for problem in read if problem is not None]
        if problems:
            raise NoSecret("\n".join(problems))

    async def run(self) -> None:
        """Renew those that may change, until cancelled. One that cannot be read keeps its last secret."""
        async with asyncio.TaskGroup() as tasks:
            for name, source in self._sources.items():
                if source.every is not None:
                    tasks.create_task(self._renew(name, source.every))

    async def _renew(self, name: str, seconds: float) -> None:
        told = None
        while True:
            await self._sleep(seconds)
            problem = await self._read(name)
            if problem not in (None, told):  # once, not every two seconds
                _log.warning("a credential cannot be renewed; its last secret is kept", extra={"error": problem})
            told = problem

    async def _read(self, name: str) -> str | None:
        """Read one and return what is wrong with it."""
        try:
            secret = await self._sources[name].read()
        except NoSecret as error:
            return f"credential {name}: {error}"
        before = self._secrets.get(name)
        if secret != before:
            for each in _all_of(secret):
                self._learned(each)
            self._secrets[name] = secret
        if before not in (None, secret):
            _log.info("a credential has a new secret", extra={"credential": name})
        return None

    async def __aenter__(self) -> Self:
        """Read all and keep renewing."""
        await self.start()
        self._renewing = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Renew no more, and forget everything."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        self._secrets.clear()

    async def broken(self) -> None:
        """Wait until renewing has ended by itself, which it never should; raises what ended it."""
        if self._renewing is not None:
            await asyncio.shield(self._renewing)
        await asyncio.Event().wait()


def _all_of(secret: str) -> tuple[str, ...]:
    """Return a secret, and the keys of AWS that it may consist of: a message may quote one of them alone."""
    keys = keys_of(secret)
    return (secret,) if keys is None else (secret, *(key for key in (keys.secret_key, keys.token) if key))


def _sources(name: str, provider: Provider) -> Iterator[tuple[str, Source]]:
    single = [] if provider.api_key is None else [Credential(api_key=provider.api_key)]
    listed = provider.credentials or single
    names = named(name, [credential.weight for credential in listed])
    for each, credential in zip(names, listed, strict=True):
        yield each.name, _source(credential)


def _source(credential: Credential) -> Source:
    if credential.api_key is not None:
        return Fixed(credential.api_key.get_secret_value())
    if credential.file is not None:
        return InFile(Path(credential.file))
    return Printed(tuple(credential.exec or ()), credential.refresh)
