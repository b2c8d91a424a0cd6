"""The pages about config, metrics and running: their tables are the code's, and their examples work."""

import importlib.util
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from headgate.schemas.json_schemas import config_schema
from headgate.workers.ops.catalogue import CATALOGUE
from headgate.workers.ops.vocabulary import ALWAYS, CONTEXT
from headgate.workers.settings import ConfigErrors, Settings, load_settings

DOCS = Path(__file__).parents[3] / "docs"
EVERY_VARIABLE = dict.fromkeys(["OPENAI_API_KEY", "VLLM_KEY", "KAFKA_PASSWORD", "REDIS_PASSWORD"], "value")


def _generator():
    spec = importlib.util.spec_from_file_location("generate_tables", DOCS / "generate_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


def blocks(page, language):
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", GENERATOR.PAGES)
def test_the_tables_of_a_page_are_current(page):
    """Run `python docs/generate_tables.py`."""
    assert (DOCS / page).read_text("utf-8") == GENERATOR.filled(page)


def test_every_metric_is_on_the_page():
    page = (DOCS / "metrics.md").read_text("utf-8")
    assert [metric.name for metric in CATALOGUE if f"| `{metric.name}` |" not in page] == []


def test_expressions_use_metrics_that_there_are():
    used = set(re.findall(r"headgate_\w+", (DOCS / "metrics.md").read_text("utf-8")))
    known = {name for metric in CATALOGUE for name in (metric.name, f"{metric.name}_bucket")}
    assert used <= known


@pytest.mark.parametrize("text", blocks("config.md", "yaml"))
def test_every_example_of_a_config_loads_and_pleases_an_editor(tmp_path, text):
    file = tmp_path / "headgate.yaml"
    file.write_text(text, "utf-8")
    settings = load_settings(file, EVERY_VARIABLE)
    assert isinstance(settings, Settings), str(settings)
    assert settings.warnings == ()
    if "<<" not in text:  # PyYAML's own loader merges too, but this one is about the schema
        jsonschema_rs.validate(config_schema(), yaml.safe_load(text))


def test_there_are_examples():
    assert len(blocks("config.md", "yaml")) >= 6


def test_the_example_of_an_error_is_what_is_said(tmp_path):
    (said,) = blocks("config.md", "text")
    text = blocks("config.md", "yaml")[0].replace("model: gpt", "modle: gpt")
    (tmp_path / "headgate.yaml").write_text(text, "utf-8")
    result = load_settings(None, EVERY_VARIABLE, directory=tmp_path)
    assert isinstance(result, ConfigErrors)
    assert str(result).replace(f"{tmp_path}/", "") == said.strip()


def test_the_example_of_a_log_line_keeps_to_the_vocabulary():
    (line,) = blocks("operations/running.md", "json")
    assert set(json.loads(line)) <= {*ALWAYS, *CONTEXT}
