"""How deep JSON may be: everybody who reads it descends, and whoever has descended far himself cannot go as deep.

Python allows about a thousand levels of calls, and in 3.11 those of msgspec are among them. So what was read at one
place may be too deep at the next, which would be nobody's expectation there. With a bound, what was read once can be
read anywhere.
"""

import re
from itertools import accumulate
from typing import Final

#: The most levels of lists and objects in a request, its envelope included, or in an answer.
MOST_LEVELS: Final = 200

_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
#: An opening bracket is one level more, a closing one one less: 255 as a signed byte is -1.
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def is_deep(json: bytes) -> bool:
    """Say whether JSON has more than `MOST_LEVELS`. Of what is no JSON, anything may be said."""
    if json.count(b"[") + json.count(b"{") <= MOST_LEVELS:
        return False
    steps = _TEXT.sub(b"", json).translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > MOST_LEVELS
