"""The ids of a batch and of the requests in it: whoever holds an id knows the line of the file that it belongs to."""

import datetime as dt
import re
import secrets
from collections.abc import Callable
from typing import Final

#: No vowels and nothing that looks like something else: an id may be read aloud, and spells no word.
_ALPHABET: Final = "23456789bcdfghjkmnpqrstvwxz"
_RANDOM_LENGTH: Final = 8
_BATCH: Final = re.compile(r"batch-\d{8}-\d{6}-[" + _ALPHABET + r"]{8}")


def mint_batch_id(now: dt.datetime, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a new batch id: the second it was made, for people, and 38 random bits, so that it is the only one."""
    tail = "".join(choose(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return f"batch-{now.astimezone(dt.UTC):%Y%m%d-%H%M%S}-{tail}"


def is_batch_id(text: str) -> bool:
    """Say whether `text` is the id of a batch, and so safe to use as a file's name."""
    return _BATCH.fullmatch(text) is not None


def request_id(batch: str, line: int) -> str:
    """Return the id of the request on `line` (from 1): a resumed batch asks under the same ids."""
    return f"{batch}-{line}"


def reply_id(request: str) -> str:
    """Return the id of the reply that a producer itself gives to a line that never reached a gateway."""
    return f"reply-{request}"


def line_of(batch: str, text: str) -> int | None:
    """Return the line that a request id or a reply id of `batch` names; None if it names none."""
    before, found, after = text.partition(f"{batch}-")
    digits = re.match(r"\d{1,18}(?!\d)", after) if found and not before.endswith(batch) else None
    return int(digits[0]) if digits else None
