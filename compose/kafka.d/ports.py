"""Choose loopback ports that stay ours while a broker is down for a moment."""

import random
import socket
from pathlib import Path
from typing import Final

from trouble import Trouble

HOST: Final = "127.0.0.1"

#: Below the range from which Linux, by default, takes the ports of outgoing connections, and above the well-known.
_LOW: Final = 20_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DEFAULT_TOP: Final = 32_768


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(rng: random.Random, taken: frozenset[int] = frozenset()) -> int:
    """Return a free port outside the ephemeral range.

    Binding port 0 would give an ephemeral one. While a broker restarts, its clients knock at its port all the time,
    and a kernel that hands one of them that very port as its source connects it to itself: the broker finds its
    address in use.
    """
    for _ in range(200):
        port = rng.randrange(_LOW, _top())
        if port not in taken and is_free(port):
            return port
    raise Trouble(f"expected a free port between {_LOW} and {_top()} on {HOST}, got none in 200 tries; give --port N")


def _top() -> int:
    try:
        low = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _DEFAULT_TOP
    return low if low > _LOW + 1000 else _DEFAULT_TOP
