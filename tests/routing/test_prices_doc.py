"""docs/prices.md says what is so: its example prints what it says, and its config is one."""

import contextlib
import io
import re
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from headgate.routing.plan import Routes
from headgate.routing.routes import build_routes
from headgate.schemas.config import Config, Price

_TEXT = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def _blocks(language):
    return [dedent(text) for text in re.findall(rf"^ *```{language}\n(.*?)^ *```", _TEXT, re.DOTALL | re.MULTILINE)]


def _block(language):
    (text,) = _blocks(language)
    return text


def test_the_example_prints_what_stands_below_it():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(_block("python"), "docs/prices.md", "exec"), {})
    assert out.getvalue() == _block("text")


@pytest.mark.parametrize("text", _blocks("yaml"))
def test_every_config_is_one(text):
    assert isinstance(build_routes(Config.model_validate(yaml.safe_load(text)), None), Routes)


def test_a_price_of_the_config_is_what_it_says():
    config = Config.model_validate(yaml.safe_load(_blocks("yaml")[0]))
    price = config.models[0].deployments[0].price
    assert price == Price(input=Decimal("0.1"), cached=Decimal("0.01"), output=Decimal("0.4"))


def test_the_prices_of_units_are_what_they_say():
    (text,) = (each for each in _blocks("yaml") if "unit:" in each)
    models = Config.model_validate(yaml.safe_load(text)).models
    assert [model.deployments[0].price.unit for model in models] == [Decimal("0.002"), Decimal("0.0001"), 0]
