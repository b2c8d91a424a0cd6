"""Commands that call nobody load a config whose secrets are not here."""

from headgate.routing.providers.resolve import Resolved, resolve
from headgate.workers.settings import ConfigErrors, Settings, load_settings, load_to_look, load_without

CONFIG = """
providers:
  openai: {api_key: os.environ/OPENAI_API_KEY}
store: {redis: {url: "${REDIS_URL:-redis://127.0.0.1:6379}"}}
"""


def written(tmp_path, text):
    file = tmp_path / "headgate.yaml"
    file.write_text(text)
    return file


def resolves(settings, name):
    return isinstance(resolve(name, settings.config.providers[name]), Resolved)


def test_a_config_loads_though_its_secrets_are_not_set(tmp_path):
    file = written(tmp_path, CONFIG)
    assert isinstance(load_settings(file, {}), ConfigErrors)
    assert isinstance(load_to_look(file, {}), Settings)


def test_a_provider_that_is_only_named_needs_no_variable_of_the_catalogue(tmp_path):
    """Nor does its address, which another one may be a part of."""
    file = written(tmp_path, "providers: {openai: {}, azure-openai: {}, my-own: {base_url: http://127.0.0.1:9/v1}}\n")
    looked, loaded = load_to_look(file, {}), load_settings(file, {})
    assert all(resolves(looked, name) for name in ("openai", "azure-openai"))
    assert not any(resolves(loaded, name) for name in ("openai", "azure-openai"))
    assert looked.config.providers["my-own"] == loaded.config.providers["my-own"]


def test_a_variable_of_the_catalogue_that_is_set_counts(tmp_path):
    settings = load_to_look(written(tmp_path, "providers: {openai: {}}\n"), {"OPENAI_API_KEY": "sk-here"})
    assert settings.secrets() == {"sk-here"}


def test_what_is_set_counts(tmp_path):
    settings = load_to_look(written(tmp_path, CONFIG), {"OPENAI_API_KEY": "sk-here"})
    assert "sk-here" in settings.secrets()


def test_what_is_wrong_besides_is_told_as_ever(tmp_path):
    file = written(tmp_path, CONFIG + "modles: []\n")
    assert str(load_to_look(file, {})) == str(load_settings(file, {}))


def test_the_file_is_found_where_it_is_found_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, CONFIG)
    assert load_to_look(None, {}).file.name == "headgate.yaml"


def test_a_number_that_is_not_there_is_told_by_its_variable(tmp_path):
    file = written(tmp_path, CONFIG + "limits: {in_flight: os.environ/IN_FLIGHT}\n")
    assert "IN_FLIGHT" in str(load_to_look(file, {}))


RECORDER = """
providers:
  openai: {api_key: os.environ/OPENAI_API_KEY}
store: {redis: {url: "redis://127.0.0.1:6379", password: os.environ/REDIS_PASSWORD}}
"""


def test_a_section_that_a_process_has_no_use_for_may_lack_its_secrets(tmp_path):
    file = written(tmp_path, RECORDER)
    assert isinstance(load_without(frozenset({"providers"}), file, {"REDIS_PASSWORD": "here"}), Settings)
    assert isinstance(load_without(frozenset({"providers", "store"}), file, {}), Settings)


def test_the_other_sections_may_not(tmp_path):
    errors = load_without(frozenset({"providers"}), written(tmp_path, RECORDER), {})
    assert isinstance(errors, ConfigErrors)
    assert "REDIS_PASSWORD" in str(errors)


def test_a_variable_that_another_section_names_too_has_to_be_set(tmp_path):
    file = written(tmp_path, RECORDER.replace("REDIS_PASSWORD", "OPENAI_API_KEY"))
    assert isinstance(load_without(frozenset({"providers"}), file, {}), ConfigErrors)


def test_overrides_win_where_secrets_are_missing(tmp_path):
    file = written(tmp_path, CONFIG)
    settings = load_without(frozenset({"providers"}), file, {}, {"operations.recorder_port": 1234})
    assert settings.config.operations.recorder_port == 1234
