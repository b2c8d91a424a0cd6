"""The alert: a budget has passed a threshold in one of its windows."""

import hashlib

import msgspec


class Alert(msgspec.Struct, frozen=True):
    """Said once per threshold and window. Times are unix microseconds; amounts are in `unit`, money in nano-dollars.

    After a crash the same alert may be published again, with the same id and the same bytes.
    """

    alert_id: str
    #: The budget's name, such as `workspace:research:usd/day`.
    budget: str
    #: `usd`, `tokens` or `requests`.
    unit: str
    window_start: int
    #: None: the window has no end.
    window_end: int | None
    #: The share of the limit that was reached, such as 0.8.
    threshold: float
    #: What the window had settled then.
    settled: int
    limit: int
    #: Of the usage event that reached it.
    ts: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Alert)


def encode_alert(alert: Alert) -> bytes:
    """Encode an alert as a record's value."""
    return _encoder.encode(alert)


def decode_alert(value: bytes) -> Alert:
    """Decode a record's value; raises `msgspec.DecodeError` if it is no alert."""
    return _decoder.decode(value)


def alert_id(budget: str, window_start: int, threshold: float) -> str:
    """Return the id of the one alert of a threshold in a window. A version 8 UUID (RFC 9562 §5.8)."""
    digest = hashlib.blake2b(f"{budget}/{window_start}/{threshold!r}".encode(), digest_size=16).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
