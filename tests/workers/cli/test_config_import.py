"""`headgate config import`: the config on stdout or in a file, the list on stderr and at its head, checked."""

import pytest
import yaml

from headgate.routing.adoption.document import Adopted, Note
from headgate.routing.providers.catalogue import catalogue
from headgate.workers.cli import config_import, main
from headgate.workers.cli.foreign_yaml import Unreadable, read_foreign
from headgate.workers.cli.yaml_text import as_yaml
from headgate.workers.settings import Settings, load_settings
from headgate.workers.settings.tree import read_tree

SECRET = "sk-never-to-be-seen"
LITELLM = f"""
model_list:
  - model_name: small
    litellm_params: {{model: openai/gpt-4o-mini, api_key: {SECRET}, rpm: 60, mock_timeout: yes}}
  - model_name: small
    litellm_params: {{model: groq/llama-3.1-8b-instant, api_key: os.environ/MY_GROQ_KEY, rpm: 30}}
router_settings: {{fallbacks: [], num_retries: 2, who_knows: 1}}
"""
PORTKEY = '{"strategy": {"mode": "fallback"}, "targets": [{"virtual_key": "main-1"}, {"provider": "groq"}]}'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    for row in catalogue().values():
        for variable in row.keys:
            monkeypatch.delenv(variable, raising=False)
    (tmp_path / "litellm.yaml").write_text(LITELLM)
    (tmp_path / "portkey.json").write_text(PORTKEY)
    return tmp_path


@pytest.fixture
def call(here, capsys):
    def call_(*arguments):
        status = main(("config", "import", *arguments))
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return status, out, err

    return call_


def comments(text):
    return [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]


def test_the_config_is_on_stdout_and_the_list_on_stderr_and_at_its_head(call):
    status, out, err = call("--from", "litellm", "litellm.yaml")
    assert status == 0
    assert "1 models of 2 providers" in err
    listed = [line for line in err.splitlines() if line.startswith("- ")]
    assert comments(out) == ["Imported from a config of LiteLLM.", *listed]
    assert any("mock_timeout" in line for line in listed)
    assert any("who_knows" in line for line in listed)
    assert any("put it into the variable OPENAI_API_KEY" in line for line in listed)
    assert yaml.safe_load(out)["models"][0]["deployments"][0]["weight"] == 60


def test_what_is_written_is_what_config_check_takes(call, here, capsys, monkeypatch):
    assert call("--from", "litellm", "litellm.yaml", "-o", "headgate.yaml")[0] == 0
    assert main(("config", "check")) == 2  # the variables are not set
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("MY_GROQ_KEY", "x")
    capsys.readouterr()
    assert main(("config", "check", "--format", "csv")) == 0
    assert "small,small-1,openai,gpt-4o-mini,0.15,0.6" in capsys.readouterr().out


def test_nothing_is_replaced_without_force(call, here):
    (here / "headgate.yaml").write_text("precious")
    status, out, err = call("--from", "litellm", "litellm.yaml", "-o", "headgate.yaml")
    assert (status, out) == (2, "")
    assert "is there already" in err
    assert (here / "headgate.yaml").read_text() == "precious"
    assert call("--from", "litellm", "litellm.yaml", "-o", "headgate.yaml", "--force")[0] == 0
    assert isinstance(load_settings(here / "headgate.yaml", {"OPENAI_API_KEY": "x", "MY_GROQ_KEY": "x"}), Settings)


def test_portkeys_requests_and_slugs_have_to_be_explained(call):
    status, _, err = call("--from", "portkey", "portkey.json")
    assert status == 2
    assert "got none at targets.0, targets.1" in err
    assert "--model NAME" in err
    status, out, err = call("--from", "portkey", "portkey.json", "--model", "gpt-4o", "--slug", "main-1=openai")
    assert status == 0
    assert yaml.safe_load(out)["providers"]["main-1"] == {"like": "openai", "api_key": "${MAIN_1_API_KEY}"}


@pytest.mark.parametrize("slug", ["main-1", "main-1=nobody", "=openai"])
def test_a_slug_has_to_be_of_a_provider(call, slug):
    status, _, err = call("--from", "portkey", "portkey.json", "--model", "m", "--slug", slug)
    assert status == 2
    assert "expected --slug SLUG=PROVIDER" in err


def test_options_for_portkey_are_for_portkey(call):
    assert call("--from", "litellm", "litellm.yaml", "--model", "m")[0] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a: [", "line 2"),
        (b"a: 1\nb: 2\na: 3", "line 3: expected YAML or JSON, got the name a a second time"),
        (b"? [a]\n: b", "a name that is a list"),
        (b"\xff\xfe\xff", "UTF-8"),
        (b"a: &x [*x]", "expected YAML or JSON"),
        (b"[" * 100_000, "expected YAML or JSON"),
        (b"a: !!python/object:os.system x", "got an alias or tag that is not known"),
        (b"a: *sk-never-to-be-seen", "got an alias or tag that is not known"),
        (b"a: !sk-never-to-be-seen", "got an alias or tag that is not known"),
    ],
)
def test_what_cannot_be_read_is_told(call, here, text, told):
    (here / "broken.yaml").write_bytes(text)
    status, out, err = call("--from", "litellm", "broken.yaml")
    assert (status, out) == (2, "")
    assert told in err


def test_a_file_that_is_not_there_is_told(call):
    status, _, err = call("--from", "litellm", "nowhere.yaml")
    assert status == 2
    assert "expected to read nowhere.yaml" in err


def test_a_config_that_would_not_load_is_written_all_the_same_and_told(call, monkeypatch):
    broken = Adopted({"models": [{"name": "m", "route": {"strategy": "odd"}}]}, (Note(("a",), "Nothing."),))
    monkeypatch.setattr(config_import.litellm, "adopted", lambda *_: broken)
    status, out, err = call("--from", "litellm", "litellm.yaml")
    assert status == 1
    assert "strategy: odd" in out
    assert "This config would not load" in err
    assert "headgate.yaml:" in err


def test_anchors_and_merges_are_followed_as_litellm_follows_them():
    text = "base: &b {rpm: 3, drop: True}\none: {<<: *b, rpm: 4}\ndate: 2024-02-01\nquoted: 'True'"
    found = read_foreign(text)
    assert found["one"] == {"rpm": 4, "drop": True}
    assert (found["date"], found["quoted"]) == ("2024-02-01", "True")


def test_a_few_lines_that_grow_into_a_million_values_are_refused():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{nr}: &a{nr} [{', '.join([f'*a{nr - 1}'] * 10)}]" for nr in range(1, 9)]
    with pytest.raises(Unreadable, match="at most"):
        read_foreign("\n".join(lines))


@pytest.mark.parametrize(
    "text", ["yes", "1e3", "12:30", "0x1f", "1_000", "~", "", "a: b", "# a", "${X}", "2024-01-01", "é"]
)
def test_texts_stay_texts(text):
    assert yaml.safe_load(as_yaml({"a": [text]})) == {"a": [text]}
    assert read_tree(as_yaml({"a": [text]}), "")[0].data == {"a": [text]}
    assert read_foreign(as_yaml({text: 1})) == {text: 1}
