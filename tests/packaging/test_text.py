"""What no file of the project may contain: addresses of registries, paths of one machine, talk of how it was made.

The patterns are written so that they do not match themselves.
"""

import re

import pytest

from support.checkout import ROOT, files

HOSTS = (
    "pypi[.]org",
    "python[h]osted",
    "registry[.]npmjs",
    "registry[.]yarnpkg",
    "repo1?[.]maven",
    "maven[.]org",
    "sonatype[.]",
    "(?:deb|security)[.]debian[.]org",
    "archive[.]ubuntu",
    "proxy[.]golang",
    "crates[.]io",
)
#: Places of one machine; a path inside a container or a package does not start with these.
PLACES = (r"(?<![\w.$}])/(?:work|root|home)(?=/)(?!/\.\.\.)", r"(?<![\w.$}])/tmp(?=/[a-z])")
#: `session` alone is a word of Kafka, aiohttp and pytest.
TALK = (
    r"\bhelper[-]",
    r"\bissue #?\d",
    r"\b(?:this|next|last|previous|earlier|later|another) session[s]?\b",
    r"\bsub[-]?agent",
)
WORDS = re.compile("|".join(f"(?:{pattern})" for pattern in (*HOSTS, *PLACES, *TALK)), re.IGNORECASE)


def lines_with(text):
    return [line.strip()[:160] for line in text.splitlines() if WORDS.search(line)]


def test_no_file_holds_what_belongs_elsewhere():
    found = {
        name: lines_with((ROOT / name).read_text("utf-8", "replace")) for name in files() if (ROOT / name).is_file()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "parts",
    [
        ("index-url = https://pypi", ".org/simple"),
        ("https://files.python", "hosted.org"),
        ("https://repo1", ".maven.apache.org/maven2"),
        ("cd /wo", "rk/main"),
        ("see (/ro", "ot/.cache)"),
        ("open('/tm", "p/mine/log')"),
        ("as Issue", " 2 asks"),
        ("left to a later", " session"),
    ],
)
def test_what_is_looked_for_is_found(parts):
    assert lines_with("".join(parts))


@pytest.mark.parametrize(
    "line",
    [
        "benchmarks/work/x",
        "the session timeout",
        "async with session.post(url)",
        "an issue of 2 pages",
        "a helper of yours",
    ],
)
def test_words_that_only_look_alike_are_left_alone(line):
    assert lines_with(line) == []
