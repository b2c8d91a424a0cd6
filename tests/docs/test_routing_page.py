"""Every route that docs/routing.md shows is one that the config takes and that leads somewhere."""

import re
from typing import get_args

import pytest
import yaml

from headgate.routing.plan import make_plan
from headgate.routing.routes import Routes, build_routes
from headgate.routing.standing import Quiet
from headgate.routing.target import Plan
from headgate.schemas.config import Config
from headgate.schemas.config_routes import Strategy
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support.gateways import PRICE
from support.pages import blocks, text_of

YAML = [block for block in blocks("yaml") if block.page == "docs/routing.md"]
EXAMPLES = [block for block in YAML if set(yaml.safe_load(block.text)) == {"route"}]
(GROUP,) = [yaml.safe_load(block.text) for block in YAML if block not in EXAMPLES]
OTHERS = ("long", "lenient", "other", "candidate")


class Prices:
    def find(self, *_):
        return PRICE


def config_with(route):
    small, large = GROUP["models"]
    others = [
        {"name": name, "deployments": [{"id": f"{name}-a", "provider": "my-vllm", "model": name}]} for name in OTHERS
    ]
    return Config.model_validate({**GROUP, "models": [{**small, "route": route}, large, *others]})


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_every_route_that_is_shown_leads_somewhere(block):
    routes = build_routes(config_with(yaml.safe_load(block.text)["route"]), None)
    assert isinstance(routes, Routes)
    body = b'{"model":"small","messages":[{"role":"user","content":"hi"}]}'
    asked = Request("r1", Endpoint.CHAT, "small", body, "k", Lane.STANDARD, "t", 10**13, 0)
    assert isinstance(make_plan(asked, routes, Prices(), Quiet()), Plan)


def test_every_strategy_has_its_chapter_and_an_example():
    chapters = re.findall(r"^### (.*)$", text_of("docs/routing.md"), re.MULTILINE)
    assert chapters == list(get_args(Strategy))
    assert {yaml.safe_load(block.text)["route"].get("strategy") for block in EXAMPLES} >= set(chapters)
