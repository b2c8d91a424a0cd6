"""What docs/plan-and-replay.md shows is what is printed."""

import json

import pytest

from headgate.workers.cli.batch_terms import Wishes
from headgate.workers.cli.planning import Assumed, plan_file
from support.checkout import ROOT
from support.pages import blocks

PAGE = [block for block in blocks() if block.page == "docs/plan-and-replay.md"]
(CONFIG,) = [block.text for block in PAGE if block.language == "yaml"]
(PRINTED,) = [block.text for block in PAGE if block.language == "text"]
(ROW,) = [block.text for block in PAGE if block.language == "json"]
#: The begin of a slot of a minute's limit.
NOW_NS = 1_800_000_000 * 10**9


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """Plan the example file by the page's config, and return what is printed."""
    monkeypatch.setenv("OPENAI_API_KEY", "value")
    # the page shows what is estimated without the extra `headgate[tokens]`
    monkeypatch.setattr("headgate.workers.cli.planning.load_vocabularies", dict)
    (tmp_path / "headgate.yaml").write_text(CONFIG)

    def planned(form, *, each):
        file = ROOT / "examples" / "requests.jsonl"
        status = plan_file(tmp_path / "headgate.yaml", file, Wishes(), Assumed(), form, each=each, clock=lambda: NOW_NS)
        return status, capsys.readouterr().out

    return planned


def test_the_table_is_what_is_printed(printed):
    assert printed("table", each=False) == (3, PRINTED)


def test_the_row_is_one_of_those_that_are_printed(printed):
    status, text = printed("json", each=True)
    assert status == 3
    assert json.loads(ROW) in json.loads(text)["rows"]
