"""The list of an import as lines for people: what was said of many places is said once."""

from collections.abc import Sequence
from typing import Final

from .document import Note

_MOST_PLACES: Final = 8


def told(notes: Sequence[Note]) -> tuple[str, ...]:
    """Return a line for each kind of note: the name, where it stands, what is below it, the sentence.

    Texts of the source are shown so that they can do nothing to a terminal, and cannot end a comment.
    """
    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        groups.setdefault((_name(note), note.instead), []).append(note)
    return tuple(_line(name, instead, group) for (name, instead), group in groups.items())


def _name(note: Note) -> str:
    """Spell a place without the numbers in it."""
    return ".".join("*" if isinstance(step, int) else step for step in note.place) or "the file"


def _line(name: str, instead: str, group: Sequence[Note]) -> str:
    numbers = [".".join(str(step) for step in note.place if isinstance(step, int)) for note in group]
    places = [number for number in dict.fromkeys(numbers) if number]
    more = ", ..." if len(places) > _MOST_PLACES else ""
    at = f" ({', '.join(places[:_MOST_PLACES])}{more})" if places else ""
    below = dict.fromkeys(each for note in group for each in note.below)
    within = f", with {', '.join(below)}" if below else ""
    return _harmless(f"{name}{at}{within}: {instead}")


def _harmless(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
