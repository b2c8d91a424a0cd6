"""The second line of defence: known secrets never leave in a log line, whoever wrote them into it."""

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from ...schemas.config_values import without_password

#: A shorter secret is no secret, and masking it would garble words that are none.
SHORTEST: Final = 4
_MASK: Final = "***"
#: So many of the secrets that were learned later are remembered: tokens of an hour are of no use after days.
_LATER: Final = 100


class Mask:
    """Replaces every known secret, as it is or as URLs and JSON spell it, and every password in a URL."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._first = tuple(secrets)
        self._later: deque[str] = deque(maxlen=_LATER)
        self._known = _pattern(self._first)

    def learn(self, secret: str) -> None:
        """Know one more secret from now on."""
        self._later.append(secret)
        self._known = _pattern((*self._first, *self._later))

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(_MASK, text)
        return without_password(text) if "://" in text else text


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    known = sorted({text for secret in secrets for text in _spellings(secret)}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known))) if known else None


def _spellings(secret: str) -> Iterable[str]:
    for plain in (secret, unquote(secret)):
        if len(plain) >= SHORTEST:
            yield from (plain, quote(plain, safe=""), quote_plus(plain), json.dumps(plain)[1:-1], repr(plain)[1:-1])
