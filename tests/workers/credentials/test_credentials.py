"""Secrets of providers: read from config, files and commands, renewed while the process runs, never told."""

import asyncio
import logging
import os
import sys

import pytest

from headgate.schemas.config_providers import Provider
from headgate.workers.credentials.credentials import Credentials
from headgate.workers.credentials.sources import Fixed, InFile, NoSecret, Printed, sound

SECRET = "sk-never-to-be-seen"


class Turns:
    """Sleeps that last until the test lets them end."""

    def __init__(self):
        self.asleep = asyncio.Queue()

    async def __call__(self, seconds):
        over = asyncio.Event()
        await self.asleep.put((seconds, over))
        await over.wait()

    async def next(self):
        """Let the next sleeper go on, and wait until it sleeps again."""
        seconds, over = await self.asleep.get()
        over.set()
        again = await self.asleep.get()
        await self.asleep.put(again)
        return seconds


def printing(text, status=0):
    return Printed((sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})"), 300)


def provider(**fields):
    return Provider.model_validate(fields)


async def test_each_credential_has_its_secret_by_name(tmp_path):
    (tmp_path / "b").write_text("sk-b\n")
    command = [sys.executable, "-c", "print('sk-c')"]
    listed = [{"api_key": "sk-a"}, {"file": str(tmp_path / "b")}, {"exec": command}]
    providers = {"openai": provider(credentials=listed), "groq": provider(api_key="sk-d"), "mine": provider()}
    async with Credentials.of(providers) as credentials:
        names = ["openai", "openai#2", "openai#3", "groq", "mine", "openai#4"]
        assert [credentials.secret(name) for name in names] == ["sk-a", "sk-b", "sk-c", "sk-d", None, None]
    assert credentials.secret("openai") is None


async def test_a_file_that_changes_is_read_again(tmp_path):
    (file := tmp_path / "key").write_text("sk-old")
    turns, learned = Turns(), []
    async with Credentials({"p": InFile(file)}, learned.append, turns) as credentials:
        assert credentials.secret("p") == "sk-old"
        file.write_text("sk-new\n")
        await turns.next()
        assert credentials.secret("p") == "sk-new"
        await turns.next()
    assert learned == ["sk-old", "sk-new"]


async def test_a_file_that_is_put_in_its_place_is_seen_too(tmp_path):
    """As Kubernetes changes mounted secrets: a link is turned to another folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(f"sk-{name}")
    (tmp_path / "data").symlink_to("one")
    turns = Turns()
    async with Credentials({"p": InFile(tmp_path / "data" / "key")}, sleep=turns) as credentials:
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").replace(tmp_path / "data")
        await turns.next()
        assert credentials.secret("p") == "sk-two"


async def test_a_command_is_run_again_after_its_time(tmp_path):
    (file := tmp_path / "n").write_text("sk-1")
    source = Printed((sys.executable, "-c", f"print(open({str(file)!r}).read())"), 300)
    turns = Turns()
    async with Credentials({"p": source}, sleep=turns) as credentials:
        file.write_text("sk-2")
        assert await turns.next() == 300
        assert credentials.secret("p") == "sk-2"


async def test_what_cannot_be_renewed_keeps_its_last_secret_and_is_told_once(tmp_path, caplog):
    (file := tmp_path / "key").write_text(SECRET)
    turns = Turns()
    async with Credentials({"p": InFile(file)}, sleep=turns) as credentials:
        file.unlink()
        with caplog.at_level(logging.WARNING):
            await turns.next()
            await turns.next()
        assert credentials.secret("p") == SECRET
    (record,) = caplog.records
    assert "No such file" in record.error
    assert SECRET not in str(record.__dict__)


async def test_what_never_changes_is_never_asked_again():
    turns = Turns()
    async with Credentials({"p": Fixed(SECRET)}, sleep=turns) as credentials:
        await asyncio.sleep(0)
        assert turns.asleep.empty()
        assert SECRET not in repr(credentials) + repr(Fixed(SECRET))


async def test_at_the_start_all_that_is_missing_is_told(tmp_path):
    sources = {"a": InFile(tmp_path / "gone"), "b": Printed(("/no/such/command",), 300), "c": Fixed("fine")}
    with pytest.raises(NoSecret) as told:
        await Credentials(sources).start()
    first, second = str(told.value).splitlines()
    assert first.startswith("credential a: expected a file that can be read")
    assert second.startswith("credential b: expected a command that can be run, got /no/such/command")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (printing(SECRET, 3), "status 0, got 3"),
        (printing(""), "got nothing"),
        (printing(f"{SECRET}\n{SECRET}"), "one line"),
        (printing(SECRET + "é"), "one line"),
        (Fixed(f"{SECRET}\r\nX-Other: 1"), "one line"),
        (Fixed("x" * 20_000), "one line"),
    ],
)
async def test_what_is_no_secret_is_told_without_quoting_it(source, why):
    with pytest.raises(NoSecret, match=why) as told:
        await source.read()
    assert SECRET not in str(told.value)


async def test_a_command_that_hangs_is_ended(tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(NoSecret, match=r"within 2 s"):
        await Printed((sys.executable, "-c", code), 300, patience=2).read()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_white_space_around_a_secret_is_not_part_of_it():
    assert sound(b" sk-1\r\n", "x") == "sk-1"


async def test_what_keys_of_aws_consist_of_is_learned_too():
    learned = []
    async with Credentials({"p": Fixed("AKIDEXAMPLE:its-secret:its-token")}, learned.append):
        assert learned == ["AKIDEXAMPLE:its-secret:its-token", "its-secret", "its-token"]
