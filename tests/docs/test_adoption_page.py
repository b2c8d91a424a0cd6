"""The examples of docs/adoption.md become what the page says they become."""

import json

import pytest
import yaml

from headgate.routing.adoption import litellm, portkey
from headgate.routing.price_list import GenaiPrices
from support.adoption import loaded
from support.pages import blocks
from support.providers import ROWS

PAGE = [block for block in blocks() if block.page == "docs/adoption.md"]
THEIRS, FROM_LITELLM, FROM_PORTKEY = (yaml.safe_load(block.text) for block in PAGE if block.language == "yaml")
(TREE,) = (json.loads(block.text) for block in PAGE if block.language == "json")
LARGE = {"model_name": "large", "litellm_params": {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}}


@pytest.mark.parametrize(
    ("adopted", "shown"),
    [
        (
            lambda: litellm.adopted({**THEIRS, "model_list": [*THEIRS["model_list"], LARGE]}, ROWS, GenaiPrices.load()),
            FROM_LITELLM,
        ),
        (lambda: portkey.adopted(TREE, ROWS), FROM_PORTKEY),
    ],
    ids=["litellm", "portkey"],
)
def test_an_example_becomes_what_is_shown(adopted, shown):
    document = adopted().document
    assert yaml.safe_load(yaml.safe_dump(plain(document))) == shown
    loaded(adopted())


def plain(value):
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value if isinstance(value, int | float | None) else str(value) if isinstance(value, str) else float(value)
