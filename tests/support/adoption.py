"""Imported configs, loaded as the processes load them, with every wire family as if it were built."""

import json
from functools import partial
from pathlib import Path
from unittest.mock import patch

from headgate.routing.adoption.document import spelt, stand_ins
from headgate.routing.adoption.told import told
from headgate.routing.plan import make_plan
from headgate.routing.providers.resolve import resolve
from headgate.routing.routes import Routes, build_routes
from headgate.routing.standing import Quiet
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from headgate.workers.cli.foreign_yaml import read_foreign
from headgate.workers.cli.yaml_text import as_yaml
from headgate.workers.settings import Settings, settings_of_text
from support.gateways import PRICE
from support.providers import ROWS, SPOKEN

SAMPLES = Path(__file__).parents[1] / "routing" / "adoption"


class AllPriced:
    """Knows a price of everything."""

    def find(self, *_):
        return PRICE


def sample(name):
    return read_foreign((SAMPLES / name).read_text("utf-8"))


def loaded(adopted):
    """The config of an import, read back from its text."""
    text = as_yaml(spelt(adopted.document))
    settings = settings_of_text(text, "headgate.yaml", stand_ins(adopted.document, ROWS))
    assert isinstance(settings, Settings), f"{settings}\n{text}"
    return settings.config


def built(config):
    with patch("headgate.routing.routes.resolve", partial(resolve, families=SPOKEN)):
        routes = build_routes(config, None if config.providers else "http://simulator")
    assert isinstance(routes, Routes), routes
    return routes


def request(model, name="r1", metadata=None, **body):
    fields = {"model": model, "messages": [{"role": "user", "content": "hi"}], **body}
    text = json.dumps(fields).encode()
    return Request(name, Endpoint.CHAT, model, text, "k", Lane.STANDARD, "t", 10**13, 0, metadata=metadata or {})


def planned(routes, asked, standing=None):
    return make_plan(asked, routes, AllPriced(), standing or Quiet())


def order(routes, asked, standing=None):
    return [target.id for target in planned(routes, asked, standing).targets]


def lines(adopted):
    return told(adopted.notes)
