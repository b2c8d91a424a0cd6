"""The wheel holds the package, the whole package and nothing but the package."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from support.checkout import ROOMS, ROOT, files, files_of_rooms

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel that is built from a copy: setuptools leaves things beside what it builds."""
    source, target = (tmp_path_factory.mktemp(name) for name in ("source", "dist"))
    for name in {*files(), *files_of_rooms()}:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name, follow_symlinks=False)
    run(sys.executable, "-c", BUILD, target, cwd=source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if not name.endswith("/")]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts of an environment with nothing but the wheel; its dependencies are those of the running Python."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    uv = (find_uv_bin(), "--quiet", "--offline", "--no-cache", "--no-config")
    run(*uv, "venv", "--python", sys.executable, place)
    bin_ = place / ("Scripts" if os.name == "nt" else "bin")
    run(*uv, "pip", "install", "--python", bin_ / "python", "--no-deps", wheel)
    packages = run(bin_ / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # as a .pth file: it comes after the wheel, and no editable install in there is followed
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return bin_


def test_the_list_of_packages_is_the_tree():
    tree = {Path(name).parent for name in files_of_rooms() if name.endswith(".py")}
    assert PYPROJECT["tool"]["setuptools"]["packages"] == sorted(
        f"headgate.{'.'.join(folder.parts)}" for folder in tree
    )
    assert [str(folder) for folder in tree if not (ROOT / folder / "__init__.py").is_file()] == []


def test_the_wheel_holds_every_file_of_the_rooms_and_nothing_else(contents):
    package = [name for name in contents if ".dist-info/" not in name.partition("/")[0] + "/"]
    assert sorted(package) == sorted(f"headgate/{name}" for name in files_of_rooms())


def test_every_package_is_marked_as_typed(contents):
    assert [room for room in ROOMS if f"headgate/{room}/py.typed" not in contents] == []


@pytest.mark.parametrize("suffix", [".sql", ".lua", ".toml"])
def test_there_are_files_beside_the_modules(contents, suffix):
    assert [name for name in contents if name.endswith(suffix)]


def test_nothing_but_headgate_lands_in_site_packages(contents):
    assert {name.partition("/")[0] for name in contents} == {"headgate", "headgate-0.1.0.dist-info"}


def test_the_license_comes_along(contents):
    assert "headgate-0.1.0.dist-info/licenses/LICENSE" in contents


def test_the_command_runs_from_the_wheel(installed, tmp_path):
    assert run(installed / "headgate", "--version", cwd=tmp_path) == "headgate, version 0.1.0\n"
    where = run(installed / "python", "-c", "import headgate.schemas as room; print(room.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)


def test_the_files_beside_the_modules_are_found_from_the_wheel(installed, tmp_path):
    run(installed / "headgate", "config", "check", cwd=tmp_path)
    code = (
        "from pathlib import Path; from headgate.reporting.ledger import Ledger; "
        "from headgate.workers.bus.streams.settings import script; "
        "from headgate.routing.providers.error_table import error_rows; "
        "Ledger.open(Path('a.duckdb')).close(); script('commit'); error_rows()"
    )
    run(installed / "python", "-c", code, cwd=tmp_path)
