"""The JSON Schemas: current in docs/schemas/, and saying what the readers do."""

import importlib.util
import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from hypothesis import given

from headgate.schemas.failures import Code, failure
from headgate.schemas.json_schemas import SCHEMAS, config_schema, reply_schema, request_schema, usage_event_schema
from headgate.schemas.reply import Account, Reply, Status, encode_reply
from headgate.schemas.request import Request
from headgate.schemas.usage import Cause, Outcome, UsageEvent, encode_event
from support.any_record import ANY_ENVELOPE, BODY, read

DOCS = Path(__file__).parents[2] / "docs"


def _text_of(schema):
    spec = importlib.util.spec_from_file_location("generate_schemas", DOCS / "generate_schemas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.text_of(schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_in_docs_is_current(name):
    """Run `python docs/generate_schemas.py`."""
    assert (DOCS / "schemas" / f"{name}.json").read_text("utf-8") == _text_of(SCHEMAS[name]())


def test_docs_hold_no_other_schema():
    assert {file.stem for file in (DOCS / "schemas").glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid_json_schema(name):
    jsonschema_rs.meta.validate(SCHEMAS[name]())


REQUESTS = jsonschema_rs.validator_for(request_schema())
CONFIGS = jsonschema_rs.validator_for(config_schema())


@given(ANY_ENVELOPE)
def test_whatever_is_read_as_a_request_is_valid_by_its_schema(envelope):
    if isinstance(read(envelope), Request):
        REQUESTS.validate(envelope)


@pytest.mark.parametrize(
    "line", [{}, {"body": {}}, {"body": 5}, {"body": BODY, "url": "/v1/files"}, {"body": BODY, "id": "x" * 513}]
)
def test_what_is_rejected_for_its_shape_is_invalid_by_the_schema(line):
    assert not isinstance(read(line), Request)
    assert not REQUESTS.is_valid(line)


def test_a_reply_is_valid_by_its_schema():
    reply = Reply("r", "c", None, failure(Code.EMPTY, given=1), Account("q", Status.FAILED, attempts=2))
    jsonschema_rs.validate(reply_schema(), json.loads(encode_reply(reply)))


def test_a_usage_event_is_valid_by_its_schema():
    event = UsageEvent(
        "e", "r", 1, Outcome.FAILED, Cause.FIRST, 1, "local", "bulk", "/v1/embeddings", "m", code="timeout"
    )
    jsonschema_rs.validate(usage_event_schema(), json.loads(encode_event(event)))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "bus: {kafka: {bootstrap_servers: 'a:1,b:2', session_timeout: 10s}}",
        "operations: {worker_port: '${PORT}', drain: 20, log: os.environ/LOG}",
        "providers: {openai: {api_key: os.environ/OPENAI_API_KEY}}",
        "bus: {kafka: {create_topics: '${CREATE:-true}'}}",
    ],
)
def test_an_editor_accepts_what_the_loader_accepts(text):
    CONFIGS.validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", ["bus: {kafka: {prefx: x}}", "operations: {log: jsn}", "limits: {in_flight: 0}"])
def test_an_editor_marks_what_the_loader_refuses(text):
    assert not CONFIGS.is_valid(yaml.safe_load(text))
