"""A worker's parts, put together."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from headgate.routing.target import Target
from headgate.schemas.request import Endpoint
from headgate.workers.assembly import make_estimator
from support.any_body import request_of

OPENAI = Target("d", "openai", "gpt-4o-mini", "openai", "http://127.0.0.1", 60.0)
REQUEST = request_of(Endpoint.CHAT, {"model": "m", "messages": [{"role": "user", "content": "x" * 4_000}]})


class Letters:
    """A vocabulary that has nothing but letters."""

    def count(self, text):
        return len(text)


@pytest.fixture
def extra(monkeypatch):
    """The extra `headgate[tokens]`, as if it were installed."""
    module = ModuleType("rs_bpe.bpe")
    module.openai = SimpleNamespace(o200k_base=Letters, cl100k_base=Letters)
    monkeypatch.setitem(sys.modules, "rs_bpe", ModuleType("rs_bpe"))
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", module)


def test_a_worker_counts_tokens_where_the_extra_is_installed(extra):
    assert make_estimator().estimate(REQUEST, OPENAI).input == 4_004


def test_a_worker_estimates_tokens_where_it_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", None)
    assert make_estimator().estimate(REQUEST, OPENAI).input == 1_004
