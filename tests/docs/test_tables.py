"""Every row of a table is read as one: a blank line, or text right before it, makes a paragraph of bars of it."""

import re

import pytest
import yaml
from markdown import Markdown

from support.checkout import ROOT
from support.pages import PAGES, prose_of, text_of

_ROW = re.compile(r"^ *\|.*$", re.MULTILINE)
_UNDER_THE_HEAD = re.compile(r" *\|[\s|:]*-[\s|:-]*")


def rows_of(markdown):
    """The rows that somebody has written, heads included."""
    return [row for row in _ROW.findall(markdown) if not _UNDER_THE_HEAD.fullmatch(row)]


def rendered(markdown):
    """A page as the site has it."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    return Markdown(extensions=config["markdown_extensions"]).convert(markdown)


@pytest.mark.parametrize("page", [page for page in PAGES if rows_of(prose_of(page))])
def test_every_row_of_a_table_is_rendered_as_one(page):
    html = rendered(text_of(page))
    lost = re.findall(r"<(?:p|li)>\s*\|.*|\n\|.*", re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL))
    assert lost == []
    assert len(re.findall("<tr>", html)) == len(rows_of(prose_of(page)))


@pytest.mark.parametrize("cut", ["| a | b |\n|---|---|\n| 1 | 2 |\n\n| 3 | 4 |\n", "text\n| a |\n|---|\n"])
def test_a_table_that_is_cut_is_found(cut):
    assert len(re.findall("<tr>", rendered(cut))) < len(rows_of(cut))
