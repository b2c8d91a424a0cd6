"""The site: every page is in its navigation, every link holds, and it needs nothing from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from support.checkout import ROOT
from support.pages import PAGES


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", target]
    environ = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # on what its makers plan, which is no fault of the pages
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return target


def in_nav(entry):
    if isinstance(entry, dict):
        return [page for value in entry.values() for page in in_nav(value)]
    return [page for each in entry for page in in_nav(each)] if isinstance(entry, list) else [entry]


def test_every_page_is_in_the_navigation_once():
    pages = [name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")]
    named = in_nav(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(named) == sorted(pages)
    assert named[0] == "index.md"


def test_a_browser_asks_nobody_else_for_anything(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    asked = [
        (page.name, url)
        for page in pages
        for url in re.findall(
            r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""", page.read_text()
        )
    ]
    assert asked == []


def test_no_stylesheet_loads_anything_from_elsewhere(site):
    urls = [
        url
        for sheet in site.rglob("*.css")
        for url in re.findall(r"url\([\"']?((?:https?:)?//[^)]+)", sheet.read_text())
    ]
    assert urls == []


def test_nothing_but_pages_and_schemas_is_published(site):
    assert [path.name for path in site.rglob("*.py")] == []
    assert (site / "schemas" / "config.json").is_file()
