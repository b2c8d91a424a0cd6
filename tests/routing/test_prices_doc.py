"""docs/prices.md says what is so: its example prints what it says, and its config is one."""

import contextlib
import io
import re
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import yaml

from headgate.schemas.config import Config, Price

_TEXT = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def _block(language):
    (text,) = re.findall(rf"^ *```{language}\n(.*?)^ *```", _TEXT, re.DOTALL | re.MULTILINE)
    return dedent(text)


def test_the_example_prints_what_stands_below_it():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(_block("python"), "docs/prices.md", "exec"), {})
    assert out.getvalue() == _block("text")


def test_the_config_is_one():
    config = Config.model_validate(yaml.safe_load(_block("yaml")))
    price = config.models[0].deployments[0].price
    assert price == Price(input=Decimal("0.1"), cached=Decimal("0.01"), output=Decimal("0.4"))
