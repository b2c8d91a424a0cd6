"""The pages that people read, and what stands in them."""

import re
import textwrap
from dataclasses import dataclass
from typing import Final

from support.checkout import ROOT, files

PAGES: Final = tuple(name for name in files() if name.endswith(".md"))

_FENCE: Final = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: an example."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    """Return a page as it stands."""
    return (ROOT / page).read_text("utf-8")


def prose_of(page: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def blocks(*languages: str) -> list[Block]:
    """Return the fenced blocks of all pages, in these languages or in any."""
    return [block for page in PAGES for block in _blocks(page) if not languages or block.language in languages]


def _blocks(page: str) -> list[Block]:
    text = text_of(page)
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match[2], textwrap.dedent(match[3]))
        for match in _FENCE.finditer(text)
    ]
