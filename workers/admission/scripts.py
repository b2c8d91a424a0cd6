"""The scripts of admission on a Redis or Valkey: each is its own file after what all of them share."""

from functools import cache
from importlib.resources import files
from typing import Final

from ...producers.redis_link import Script

_ROOM: Final = "headgate.workers.admission"

#: What stands before a script, beside what stands before all.
_PARTS: Final = {
    "acquire": ("calendar", "marks"),
    "join": ("calendar", "marks"),
    "release": ("calendar",),
    "fill": ("calendar",),
}

#: A full server must hear what was paid for and what is over; what is not granted yet can wait.
_FULL: Final = "#!lua flags=allow-oom\n"
_ROOMY: Final = "#!lua\n"


@cache
def script(name: str) -> Script:
    """Return the script `<name>.lua`."""
    parts = ("common", *_PARTS.get(name, ()), name)
    texts = ((files(_ROOM) / f"{part}.lua").read_text("utf-8") for part in parts)
    return Script.of((_ROOMY if name == "acquire" else _FULL) + "".join(texts))
