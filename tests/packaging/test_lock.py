"""requirements.lock is what pyproject.toml asks for, whole, and says nothing of where it comes from."""

import re
import tomllib

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.checkout import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = [
    *PYPROJECT["project"]["dependencies"],
    *PYPROJECT["dependency-groups"]["dev"],
    *PYPROJECT["build-system"]["requires"],
]
#: A requirement, and the lines that go on with it.
BLOCKS = re.findall(r"^(\S.*?)(?: \\)?\n((?:    .*\n)*)", LOCK, re.MULTILINE)


def locked():
    pins = (Requirement(line) for line, _ in BLOCKS)
    return {canonicalize_name(pin.name): pin for pin in pins}


@pytest.mark.parametrize("text", ASKED)
def test_what_the_project_asks_for_is_in_the_lock(text):
    asked = Requirement(text)
    pin = locked()[canonicalize_name(asked.name)]
    (version,) = pin.specifier
    assert version.operator == "=="
    assert asked.specifier.contains(version.version)


def test_every_line_is_a_pin_with_hashes():
    assert len(BLOCKS) > 50
    assert "".join(f"{line} \\\n{rest}" for line, rest in BLOCKS) == LOCK
    without = [line for line, rest in BLOCKS if not re.match(r"    --hash=sha256:[0-9a-f]{64}\b", rest)]
    assert without == []


def test_a_pin_for_some_machines_only_says_so_by_a_marker():
    for line, _ in BLOCKS:
        name, _, marker = line.partition(" ; ")
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,]+\])?==[\w.+!]+", name), line
        assert not marker or Marker(marker)


def test_the_lock_names_no_place_to_download_from():
    assert re.findall(r"^.*(?:://|index-url|find-links| @ ).*$", LOCK, re.MULTILINE) == []


def test_every_supported_python_is_a_classifier():
    assert PYPROJECT["project"]["requires-python"] == ">=3.11"
    names = PYPROJECT["project"]["classifiers"]
    assert [name for name in names if re.search(r":: 3\.\d+$", name)] == [
        f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)
    ]
