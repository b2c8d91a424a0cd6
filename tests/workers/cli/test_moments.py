"""Times on the command line mean the same to every command that looks back."""

import datetime as dt

import pytest

from headgate.workers.cli import main
from headgate.workers.cli.moments import moment_of

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22", dt.datetime(2026, 11, 22, tzinfo=dt.UTC)),
        ("20261122", dt.datetime(2026, 11, 22, tzinfo=dt.UTC)),
        ("2026-11-22T18:00:00", dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)),
        ("2026-11-22T18:00:00+02:00", dt.datetime(2026, 11, 22, 16, tzinfo=dt.UTC)),
        ("7d", dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)),
        ("90s", dt.datetime(2026, 11, 27, 11, 58, 30, tzinfo=dt.UTC)),
        ("yesterday", None),
        ("", None),
        ("-7d", None),
        ("99999999999d", None),
    ],
)
def test_a_time_is_a_day_a_time_or_so_long_ago(text, moment):
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("command", [("report", "cost"), ("replay",)])
def test_every_command_says_what_it_expects(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--since", "yesterday"]) == 2
    assert "a duration like 7d, got 'yesterday'" in capsys.readouterr().err
    assert main([*command, "--since", "7d"]) == 2
    assert "expected a ledger, found nothing" in capsys.readouterr().err
