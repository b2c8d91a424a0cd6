"""What all requests of one batch have in common."""

import msgspec

from ..schemas.topics import Lane


class Terms(msgspec.Struct, frozen=True):
    """Fixed when the batch is begun and kept with it: a resumed batch judges and sends its lines as at first."""

    batch: str
    #: The lane's topic.
    topic: str
    reply_to: str
    lane: Lane = Lane.STANDARD
    #: The virtual key; absent: the gateway's default. A line's own `key` wins.
    key: str | None = None
    #: Seconds from arrival, or a time; absent: the gateway's default. A line's own `deadline` wins.
    deadline: str | None = None
    #: A longer line is answered `request_too_large`.
    max_bytes: int = 4 * 1024 * 1024
