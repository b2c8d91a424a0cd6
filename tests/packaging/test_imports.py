"""Every module can be the first one that is imported, and the command line imports little."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOMS, ROOT, modules

#: What takes most of the time to import, and is none of ours.
LIBRARIES = (
    "aiohttp.web",
    "aiokafka",
    "duckdb",
    "faststream.kafka",
    "genai_prices",
    "httptools",
    "httpx",
    "prometheus_client",
    "pydantic",
    "redis.asyncio",
    "rich.progress",
    "tenacity.asyncio",
    "yaml",
)
HEAVY = {
    "aiohttp",
    "aiokafka",
    "duckdb",
    "faststream",
    "genai_prices",
    "httpx",
    "prometheus_client",
    "pydantic",
    "redis",
}
#: `make check` holds the imports to these, lowest first.
LAYERS = (("schemas",), ("routing", "producers", "reporting"), ("workers",))
HELP = "import sys; from headgate.workers.cli import main; main(['--help']); print('LOADED', *sys.modules)"


def test_every_module_imports_on_its_own_without_a_warning():
    program = Path(__file__).with_name("import_each.py")
    named = [name for name in modules() if not name.endswith(".__main__")]  # those are programs
    assert len(named) > 200
    assert {room for layer in LAYERS for room in layer} == set(ROOMS)
    done = subprocess.run(
        [sys.executable, "-W", "error", program, *LIBRARIES],
        input="\n".join(" ".join(name for name in named if name.split(".")[1] in layer) for layer in LAYERS),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", [name for name in modules() if name.endswith(".__main__")])
def test_every_program_says_what_it_is_for_without_a_warning(program):
    command = [sys.executable, "-W", "error", "-m", program.removesuffix(".__main__"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")


def test_help_imports_no_library_that_takes_long():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    shown, _, loaded = done.stdout.partition("LOADED ")
    assert "Usage: headgate" in shown
    assert {name.partition(".")[0] for name in loaded.split()} & HEAVY == set()


@pytest.mark.parametrize("room", ROOMS)
def test_type_checkers_find_a_room_through_its_link(room):
    link = ROOT / ".typing" / "headgate" / room
    assert link.is_symlink()
    assert link.readlink() == Path("../..") / room  # relative: it holds in every checkout


def test_there_is_a_link_for_every_room_and_for_nothing_else():
    assert {link.name for link in (ROOT / ".typing" / "headgate").iterdir()} == set(ROOMS)
