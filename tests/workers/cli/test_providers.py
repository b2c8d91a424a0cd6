"""`headgate providers`: what is known, and whether what is configured can be called."""

import csv
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import yaml

from headgate.routing.providers.catalogue import catalogue
from headgate.workers.cli import main

SECRET = "sk-never-to-be-seen"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    for row in catalogue().values():
        for variable in (*row.keys, *(name for names in row.options.values() for name in names)):
            monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def call(here, capsys):
    def call_(*arguments, **providers):
        if providers:
            (here / "headgate.yaml").write_text(yaml.safe_dump({"providers": providers}))
        status = main(("providers", *arguments))
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return status, out, err

    return call_


def checked(call, *arguments, **providers):
    status, out, _ = call("check", "--format", "json", *arguments, **providers)
    return status, {row["provider"]: row for row in json.loads(out)["rows"]}


class Models(BaseHTTPRequestHandler):
    """Lists models to who shows the right credential, and keeps what it was asked."""

    asked: ClassVar[list] = []

    def do_GET(self):
        self.asked.append((self.path, self.headers["Authorization"]))
        status = {"/v1/models?v=2": 200, "/v1/models": 200, "/moved/models": 302}.get(self.path, 404)
        if self.headers["Authorization"] != f"Bearer {SECRET}":
            status = 401
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/v1/models")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    Models.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_list_has_every_row(call):
    status, out, _ = call("list", "--format", "csv")
    rows = {row["provider"]: row for row in csv.DictReader(io.StringIO(out))}
    assert status == 0
    assert set(rows) == set(catalogue())
    assert rows["together"]["variables"] == "TOGETHER_API_KEY TOGETHERAI_API_KEY TOGETHER_AI_TOKEN"


@pytest.mark.parametrize("name", ["mistral", "mistral-ai"])
def test_a_provider_is_shown_by_its_id_and_by_what_others_call_it(call, name):
    _, out, _ = call("show", name, "--format", "json")
    shown = {row["field"]: row["value"] for row in json.loads(out)["rows"]}
    assert shown["provider"] == "mistral"
    assert shown["base_url"] == "https://api.mistral.ai/v1"
    assert json.loads(shown["rename"])["seed"] == "random_seed"
    assert (shown["keys"], shown["endpoints"]) == ("MISTRAL_API_KEY", "chat embeddings")
    assert not {"global_url", "hosts", "text_only"} & set(shown)
    assert not [value for value in shown.values() if "()" in value]


def test_a_provider_that_is_not_known_is_bad_usage_with_a_guess(call):
    status, out, err = call("show", "mistrall")
    assert (status, out) == (2, "")
    assert "did you mean mistral" in err


def test_what_is_configured_is_checked_without_calling_anybody(call, here, url):
    (here / "key").write_text(SECRET)
    status, rows = checked(
        call, mine={"base_url": f"{url}/v1", "credentials": [{"file": "key"}, {"api_key": "sk-other-one"}]}
    )
    assert status == 0
    assert rows["mine"] == {
        "provider": "mine",
        "wire": "openai",
        "base_url": f"{url}/v1",
        "credentials": 2,
        "state": "fine",
    }
    assert Models.asked == []


def test_a_credential_of_the_environment_counts(call, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", SECRET)
    status, rows = checked(call, groq={})
    assert (status, rows["groq"]["credentials"], rows["groq"]["state"]) == (0, 1, "fine")


def test_everything_that_is_missing_is_told(call):
    status, rows = checked(
        call,
        groq={},
        nobody={"api_key": SECRET},
        mine={"base_url": "http://127.0.0.1:9/v1", "credentials": [{"file": "gone"}, {"exec": ["false"]}]},
    )
    assert status == 2
    assert "GROQ_API_KEY in the environment" in rows["groq"]["state"]
    assert "expected a base_url" in rows["nobody"]["state"]
    assert "credential mine: expected a file" in rows["mine"]["state"]
    assert "credential mine#2: expected false to end with status 0, got 1" in rows["mine"]["state"]


def test_a_call_asks_for_the_list_of_models_with_every_credential(call, url):
    provider = {"base_url": f"{url}/v1", "query": {"v": "2"}}
    status, rows = checked(call, "--call", mine={**provider, "api_key": SECRET})
    assert (status, rows["mine"]["state"]) == (0, "fine, answered")
    assert Models.asked == [("/v1/models?v=2", f"Bearer {SECRET}")]
    listed = [{"api_key": SECRET}, {"api_key": "sk-wrong"}]
    status, rows = checked(call, "--call", mine={**provider, "credentials": listed})
    assert (status, rows["mine"]["state"]) == (1, "fine, answered; refuses the credential: HTTP 401")


def test_a_call_follows_nobody_elsewhere_and_a_missing_list_is_no_fault(call, url):
    status, rows = checked(
        call,
        "--call",
        moved={"base_url": f"{url}/moved", "api_key": SECRET},
        bare={"base_url": f"{url}/bare", "api_key": SECRET},
        away={"base_url": "http://127.0.0.1:9/v1", "api_key": SECRET},
    )
    assert status == 1
    assert rows["moved"]["state"] == "answered HTTP 302"
    assert rows["bare"]["state"] == "fine, but has no list of models: HTTP 404"
    assert rows["away"]["state"].startswith("cannot be called: ")
    assert {path for path, _ in Models.asked} == {"/moved/models", "/bare/models"}


def test_without_a_provider_it_says_who_answers(call):
    status, out, err = call("check", "--format", "csv")
    assert (status, out) == (0, "provider,wire,base_url,credentials,state\n")
    assert "the built-in simulator answers" in err


KEYS = f"AKIDEXAMPLE:{SECRET}"
BEDROCK = {"auth": "sigv4", "api_key": KEYS, "options": {"region": "us-east-1"}}


def test_a_provider_whose_calls_are_signed_is_fine_where_they_can_be(call):
    status, rows = checked(call, "--call", bedrock=BEDROCK)
    assert (status, rows["bedrock"]["state"]) == (0, "fine, not called: it has no list of models")


def test_a_provider_whose_calls_cannot_be_signed_is_told(call, monkeypatch):
    status, rows = checked(call, bedrock={**BEDROCK, "api_key": SECRET})
    expected = "ACCESS_KEY_ID:SECRET or ACCESS_KEY_ID:SECRET:SESSION_TOKEN"
    assert (status, rows["bedrock"]["state"]) == (2, f"credential bedrock: expected {expected}, got other")
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    status, rows = checked(call, bedrock=BEDROCK)
    assert (status, rows["bedrock"]["state"]) == (
        2,
        "expected what signs for AWS, pip install 'headgate[bedrock]', it is not there",
    )


def test_a_dated_address_of_azures_needs_a_version(call):
    status, rows = checked(call, azure={"api_key": SECRET, "base_url": "https://res.openai.azure.com"})
    assert status == 2
    assert rows["azure"]["state"].startswith("providers.azure.query: expected api-version")
