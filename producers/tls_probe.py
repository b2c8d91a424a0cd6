"""Why a server has closed a connection without a word: asked on a connection of its own, with nothing to be lost.

A server that closes while our bytes are still on their way resets the connection, and with that goes the alert in which
it says what it misses. So here nothing is sent.
"""

import asyncio
import ssl
from typing import Final

from .tls import tls_refusal

#: Whoever has something against us says so at once.
_LISTEN_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 4.0


async def refusal_of(host: str, port: int, context: ssl.SSLContext) -> str | None:
    """Return what is wrong with a handshake by `context`, as `tls_refusal` does; None if nothing is, as far as said."""
    try:
        await _listen(host, port, context)
    except (OSError, TimeoutError) as error:
        return tls_refusal(error)
    return None


async def speaks_tls(host: str, port: int) -> bool:
    """Say whether the server answers as one with TLS does. Nothing is told to it, and nothing of it is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        await _listen(host, port, context)
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    return True


async def _listen(host: str, port: int, context: ssl.SSLContext) -> None:
    """Shake hands and hear whether that was all right with the server. Raises what went wrong."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        async with asyncio.timeout(_LISTEN_SECONDS):
            await reader.read(1)
    except TimeoutError:
        return  # it waits for us to begin
    finally:
        writer.transport.abort()
