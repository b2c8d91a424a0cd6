"""Names that the config allows, with the wildcards of file names: `*`, `?`, `[abc]`, `[!abc]`. Case counts."""

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final


class Patterns:
    """Matches a name against all of them at once; equal to others of the same texts."""

    __slots__ = ("_match", "texts")

    def __init__(self, texts: Iterable[str]) -> None:
        #: As they stand in the config.
        self.texts: Final = tuple(texts)
        self._match: Final = re.compile("|".join(map(translate, self.texts)) or r"(?!)").match

    def __repr__(self) -> str:
        return f"<Patterns {self}>"

    def __str__(self) -> str:
        """Spell them for errors."""
        return " or ".join(self.texts) or "nothing"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def match(self, name: str) -> bool:
        """Say whether one of them matches the whole of `name`."""
        return self._match(name) is not None
