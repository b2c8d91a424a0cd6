"""Every link inside the project leads somewhere, and every path that is named is there."""

import re
from pathlib import PurePosixPath

import pytest
from markdown.extensions.toc import slugify, unique

from support.checkout import ROOT, files
from support.pages import PAGES, prose_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
FOLDERS = {name.partition("/")[0] for name in files() if "/" in name}


def links_of(page):
    found = (match[1] or match[2] for match in LINK.finditer(prose_of(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors_of(page):
    """The names of a page's headings, as the site spells them."""
    taken = set()
    for heading in re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading)
        unique(slugify(plain, "-"), taken)
    return taken


def resolved(page, target):
    parts = []
    for part in (PurePosixPath(page).parent / target).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in links_of(page):
        path, _, anchor = target.partition("#")
        goal = resolved(page, path) if path else page
        assert goal in files(), f"{page} links to {target}"
        assert not anchor or anchor in anchors_of(goal), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_folder_of_the_project_that_is_named_is_there(page):
    named = re.findall(r"`([\w.-]+/[\w./-]*)`", prose_of(page))
    ours = [name for name in named if name.partition("/")[0] in FOLDERS and "." not in name.partition("/")[0]]
    assert [name for name in ours if not (ROOT / name).exists()] == []


def test_links_are_found_and_followed_from_their_page():
    assert "docs/architecture.md" in links_of("README.md")
    assert resolved("docs/operations/running.md", "../metrics.md") == "docs/metrics.md"
    assert "exit-status" in anchors_of("docs/operations/running.md")
