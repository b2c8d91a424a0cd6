"""Who is turned away before anything is decided: a wrong key, and too many requests."""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from .config import SimulatorConfig
from .limiter import Limiter
from .refusal import UNAUTHORIZED, Refusal

#: How AWS's Signature Version 4 names the key. What it signs is not checked: that would need the secret.
_SIGNED: Final = re.compile(rb"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[^/]+/[^/]+/aws4_request, ?SignedHeaders=.+")
_BEARER: Final = b"Bearer "


class TooMany(msgspec.Struct, frozen=True):
    """There were too many requests: when to come back, whole seconds and milliseconds."""

    seconds: float
    milliseconds: float


class Door:
    """Knows the key, and counts."""

    def __init__(self, config: SimulatorConfig) -> None:
        rate = config.max_requests_per_second
        self._limiter = None if rate is None else Limiter(rate)
        self._key = None if config.api_key is None else config.api_key.encode()

    def stops(
        self, headers: Mapping[bytes, bytes], key_headers: Sequence[bytes], monotonic: Callable[[], float]
    ) -> Refusal | TooMany | None:
        """Return why a request is turned away, if it is."""
        if self._key is not None and not hmac.compare_digest(_shown(headers, key_headers), self._key):
            return UNAUTHORIZED
        wait = 0.0 if self._limiter is None else self._limiter.wait(monotonic())
        return TooMany(float(-(-wait // 1)), float(-(-wait * 1000 // 1))) if wait else None


def _shown(headers: Mapping[bytes, bytes], key_headers: Sequence[bytes]) -> bytes:
    """Return the key that a request shows in the first of these headers that it has."""
    shown = next((headers[name] for name in key_headers if name in headers), b"")
    signed = _SIGNED.fullmatch(shown)
    return signed[1] if signed else shown.removeprefix(_BEARER)
