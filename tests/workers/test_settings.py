"""Loading the config: file, environment, command line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.settings import ConfigErrors, Settings, load_settings

SECRET = "sk-live-0123456789"  # what must never be shown


@pytest.fixture
def load(tmp_path):
    def _load(text, environ=None, overrides=None):
        file = tmp_path / "headgate.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(file, environ or {}, overrides or {})

    return _load


def config_of(settings):
    assert isinstance(settings, Settings), str(settings)
    return settings.config


def only_error(result):
    assert isinstance(result, ConfigErrors), result
    assert len(result.errors) == 1, str(result)
    return result.errors[0]


# Finding the file


def test_no_config_at_all_gives_the_embedded_defaults(tmp_path):
    settings = load_settings(None, {}, directory=tmp_path)
    assert settings.file is None
    assert config_of(settings).bus is None
    assert settings.warnings == ()


def test_the_environment_names_the_file_when_the_command_line_does_not(tmp_path):
    (tmp_path / "named.yaml").write_text("directory: named")
    (tmp_path / "headgate.yaml").write_text("directory: here")
    environ = {"HEADGATE_CONFIG": str(tmp_path / "named.yaml")}
    assert config_of(load_settings(None, environ, directory=tmp_path)).directory == "named"
    assert config_of(load_settings(tmp_path / "headgate.yaml", environ)).directory == "here"


def test_headgate_yaml_in_the_directory_is_found(tmp_path):
    (tmp_path / "headgate.yaml").write_text("directory: here")
    assert config_of(load_settings(None, {}, directory=tmp_path)).directory == "here"


@pytest.mark.parametrize("environ", [{}, {"HEADGATE_CONFIG": "gone.yaml"}])
def test_a_named_file_that_is_not_there_is_an_error(tmp_path, environ):
    path = None if environ else tmp_path / "gone.yaml"
    error = only_error(load_settings(path, environ, directory=tmp_path))
    assert error.source == str(tmp_path / "gone.yaml")
    assert "No such file" in error.given


def test_a_file_that_is_not_utf8_is_told_where(load):
    error = only_error(load(b"directory: ok\nledger: {path: \xff}\n"))
    assert (error.position.line, error.position.column) == (2, 16)
    assert error.expected == "UTF-8"


def test_a_byte_order_mark_is_no_trouble(load):
    assert config_of(load(b"\xef\xbb\xbfdirectory: here")).directory == "here"


# Reading YAML


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_an_empty_file_is_the_defaults(load, text):
    assert config_of(load(text)) == config_of(load("{}"))


def test_a_heading_whose_lines_are_commented_out_counts_as_absent(load):
    assert config_of(load("limits:\n#  in_flight: 5\nbus:\n")) == config_of(load("{}"))


def test_a_name_that_stands_twice_is_told_with_both_lines(load):
    error = only_error(load("ledger:\n  path: a\n  path: b\n"))
    assert (error.position.line, error.path) == (3, "ledger.path")
    assert "line 2" in error.given


@pytest.mark.parametrize("word", ["no", "yes", "on", "12:30", "0123", "1_000", "2026-11-22"])
def test_words_are_texts_as_in_yaml_1_2(load, word):
    assert config_of(load(f"directory: {word}")).directory == word


def test_anchors_and_merges_work_and_the_own_value_wins(load):
    text = """
    providers:
      a: &base {base_url: "http://a", wire: openai}
      b: {<<: *base, base_url: "http://b"}
      c: {base_url: "http://c", <<: *base}
      d: *base
    """
    providers = config_of(load(text)).providers
    assert [providers[name].base_url for name in "abcd"] == ["http://a", "http://b", "http://c", "http://a"]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)),
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "[" * 100_000,
        "{a: " * 20_000,
        "- " * 5_000,
    ],
    ids=["bomb", "list in itself", "merge of itself", "brackets", "braces", "dashes"],
)
def test_a_file_that_grows_without_bound_is_refused_quickly(load, text):
    assert isinstance(load(text), ConfigErrors)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2", 2),
        ("directory: ok\n\tledger: x", 2),
        ('directory: "open', 2),
        ("directory: a\n---\ndirectory: b", 2),
        ("? [x]\n: y", 1),
        ("directory: \x01", 1),
    ],
)
def test_what_is_not_yaml_is_told_as_such(load, text, line):
    error = load(text).errors[0]
    assert error.position is None or error.position.line in {line, line - 1}


@pytest.mark.parametrize("value", [f"*{SECRET}", f"!{SECRET}", f"&{SECRET} *x", f"@{SECRET}", f"'{SECRET}"])
def test_an_unquoted_secret_that_yaml_cannot_read_is_not_repeated(load, value):
    result = load(f"providers:\n  openai: {{api_key: {value}}}\n")
    assert isinstance(result, ConfigErrors)
    assert SECRET not in str(result)


@given(st.text() | st.text(alphabet=" \n-:{}[]&*!|>'\"#%@`ab01,?~<$\\"))
def test_any_text_loads_or_is_told_and_never_raises(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert isinstance(load_settings(file, {}), Settings | ConfigErrors)


# Errors


def test_every_error_is_told_at_once_in_the_order_of_the_file(load):
    result = load(
        """\
bus:
  kafka: {prefx: q., partitions: 0}
models:
  - name: a
    deployments:
      - {id: x, provider: nobody, model: m, weight: -1, timeout: 5 parsecs}
      - {id: y}
operations:
  log: jsn
  worker_port: many
  drain: ${NOPE}
"""
    )
    found = [(each.position.line, each.path) for each in result.errors]
    assert found == [
        (2, "bus.kafka.prefx"),
        (2, "bus.kafka.partitions"),
        (6, "models.0.deployments.0.weight"),
        (6, "models.0.deployments.0.timeout"),
        (7, "models.0.deployments.1.provider"),
        (7, "models.0.deployments.1.model"),
        (9, "operations.log"),
        (10, "operations.worker_port"),
        (11, "operations.drain"),
    ]


@pytest.mark.parametrize(
    ("text", "expected", "given_", "hint"),
    [
        ("operations: {worker_prt: 1}", "worker_port", "worker_prt", "did you mean worker_port?"),
        ("bus: {kafka: {bootstrap-servers: x}}", "bootstrap_servers", "bootstrap-servers", "bootstrap_servers?"),
        ("operations: {log: jsn}", "'json'", "'jsn'", "did you mean json?"),
        ("directory: 5", "a text", "5", "put it in quotes"),
        ("directory: true", "a text", "true", "put it in quotes"),
        ("ledger: [1]", "a mapping", "a list", None),
        ("models: {a: 1}", "a list", "a mapping", None),
        ("limits: {in_flight: 1.5}", "a whole number", "1.5", None),
        ("limits: {in_flight: 0}", "at least 1", "0", None),
        ("operations: {drain: 0}", "more than 0", "0", None),
        ("operations: {drain: .inf}", "seconds, or a duration", "'.inf'", None),
        ("operations: {worker_port: 65536}", "at most 65535", "65536", None),
        ("bus: {}", "one of kafka and redis", "none", None),
        ("bus: {kafka: {}, redis: {}}", "one of kafka and redis", "both", None),
        ("bus: {kafka: {bootstrap_servers: [nowhere]}}", "host:port", "'nowhere'", None),
        ("bus: {kafka: {bootstrap_servers: []}}", "at least 1", "a list", None),
        ("bus: {kafka: {prefix: 'a b'}}", "letters, digits", "'a b'", None),
        ("models: [{name: a, deployments: []}]", "a route with targets", "neither", None),
        ("providers: {x: {base_url: 'ftp://x'}}", "with http:// or https://", "'ftp://x'", None),
        ("providers: {x: {base_url: 'http://me:hunter2@x/v1'}}", "without user", "'http://***@x/v1'", None),
        ("providers: {x: {base_url: 'http://x/v1?a=b'}}", "without user, ? and #", "'http://x/v1?a=b'", None),
        ("- a", "a mapping", "a list", None),
    ],
)
def test_an_error_says_what_was_expected_and_what_came(load, text, expected, given_, hint):
    error = only_error(load(text))
    assert expected in error.expected
    assert given_ in error.given
    assert (hint or "") in (error.hint or "")


def test_what_must_fit_together_is_told_where_it_does_not(load):
    result = load(
        """\
providers: {p: {}}
models:
  - {name: a, deployments: [{id: x, provider: p, model: m}]}
  - name: a
    deployments:
      - {id: x, provider: q, model: m}
"""
    )
    found = {(each.position.line, each.path, each.given) for each in result.errors}
    assert found == {
        (4, "models.1.name", "'a' a second time"),
        (6, "models.1.deployments.0.id", "'x' a second time"),
        (6, "models.1.deployments.0.provider", "'q'"),
    }


def test_an_error_is_spelt_as_compilers_spell_it(load, tmp_path):
    error = only_error(load("operations:\n  worker_port: -1\n"))
    assert str(error) == f"{tmp_path / 'headgate.yaml'}:2:16: operations.worker_port: expected at least 0, got -1"


def test_an_error_of_a_merged_value_points_at_what_was_written(load):
    result = load("providers:\n  a: &a {base_url: nope}\n  b:\n    <<: *a\n")
    assert {(each.path, each.position.line) for each in result.errors} == {
        ("providers.a.base_url", 2),
        ("providers.b.base_url", 2),
    }


# The environment


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("os.environ/WHERE", "there"),
        ("${WHERE}", "there"),
        ("a/${WHERE}/b-${WHERE}", "a/there/b-there"),
        ("$${WHERE}", "${WHERE}"),
        ("${GONE:-fallback}", "fallback"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${GONE:-}", ""),
        ("${WHERE:-fallback}", "there"),
        ("os.environ/GONE:-fallback", "fallback"),
        ("$WHERE", "$WHERE"),
        ("cost $5", "cost $5"),
        ("${LOOP}", "${LOOP}"),
    ],
)
def test_references_to_the_environment_are_replaced_once(load, text, value):
    environ = {"WHERE": "there", "EMPTY": "", "LOOP": "${LOOP}"}
    assert config_of(load(f'directory: "{text}"', environ)).directory == value


def test_a_number_may_come_from_the_environment(load):
    config = config_of(load("operations: {worker_port: '${PORT}', drain: '${DRAIN}'}", {"PORT": "0", "DRAIN": "5m"}))
    assert (config.operations.worker_port, config.operations.drain) == (0, 300)


def test_brokers_may_come_from_the_environment_with_commas(load):
    config = config_of(load("bus: {kafka: {bootstrap_servers: '${BROKERS}'}}", {"BROKERS": "a:1, b:2"}))
    assert config.bus.kafka.bootstrap_servers == ["a:1", "b:2"]


@pytest.mark.parametrize("text", ["os.environ/GONE", "${GONE}", "x-${GONE}"])
@pytest.mark.parametrize(("environ", "given_"), [({}, "none"), ({"GONE": ""}, "an empty one")])
def test_a_variable_that_is_not_set_is_an_error_with_its_line(load, text, environ, given_):
    error = only_error(load(f"unpriced: allow\ndirectory: '{text}'", environ))
    assert (error.position.line, error.path) == (2, "directory")
    assert (error.expected, error.given) == ("the environment variable GONE", given_)


@pytest.mark.parametrize("text", ["${1X}", "${}", "${OPEN", "${A B}", "os.environ/", "os.environ/A-B"])
def test_a_reference_that_is_spelt_wrong_is_told(load, text):
    assert "${NAME}" in only_error(load(f"directory: '{text}'", {"OPEN": "x"})).expected


def test_a_value_from_the_environment_is_never_shown(load):
    text = """
    operations: {worker_port: "${S}", log: os.environ/S, drain: "${S}"}
    bus: {redis: {url: "${S}"}}
    models: [{name: a, deployments: [{id: x, provider: "${S}", model: m}]}]
    """
    result = load(text, {"S": SECRET})
    assert len(result.errors) == 4
    assert SECRET not in str(result)
    assert SECRET not in repr(result)
    assert "${S}" in str(result)


# Secrets


@pytest.mark.parametrize(
    "text",
    [
        f"providers: {{a: {{api_key: [{SECRET}]}}}}",
        f"providers: {{a: {{api_key: {{value: {SECRET}}}}}}}",
        f"providers: {{a: {{api_kee: {SECRET}}}}}",
        f"providers: {{a: {SECRET}}}",
        f"providers: [{SECRET}]",
        f"bus: {{kafka: {{sasl: {SECRET}}}}}",
        f"bus: {{kafka: {{sasl: {{password: {SECRET}}}}}}}",
        f"bus: {{redis: {{url: 'http://u:{SECRET}@h'}}}}",
        f"bus: {{redis: {{url: 'redis://u:{SECRET}@h'}}, kafka: {{}}}}",
        f"api_key: {SECRET}",
    ],
)
def test_an_error_near_a_secret_does_not_repeat_it(load, text):
    result = load(text)
    assert isinstance(result, ConfigErrors)
    assert SECRET not in str(result)
    assert SECRET not in repr(result)


@pytest.mark.parametrize("value", ["1234567890", "1234567890.5"])
def test_a_secret_of_digits_that_wants_quotes_is_not_repeated(load, value):
    error = only_error(load(f"providers: {{a: {{api_key: {value}}}}}"))
    assert (error.expected, error.given) == ("a text", "a number, which is not shown")


def test_settings_show_no_secret_and_know_them_all(load):
    settings = load(
        f"""
        providers: {{a: {{api_key: {SECRET}}}, b: {{api_key: os.environ/B}}}}
        bus: {{kafka: {{sasl: {{username: u, password: "${{C}}"}}}}}}
        store: {{redis: {{url: "redis://u:hunter22@h:1/0"}}}}
        """,
        {"B": "second-secret", "C": "third-secret"},
    )
    known = {SECRET, "second-secret", "third-secret", "hunter22"}
    assert settings.secrets() == known
    for shown in (repr(settings), str(settings.config), f"{settings.config}", settings.config.model_dump_json()):
        assert not [secret for secret in known - {"hunter22"} if secret in shown]
    assert "hunter22" not in repr(settings) + str(settings.config)


def test_a_secret_in_the_file_is_warned_about_and_a_reference_is_not(load):
    settings = load(
        f"providers:\n  a: {{api_key: {SECRET}}}\n  b: {{api_key: os.environ/B}}\n  c: {{api_key: '${{B}}'}}",
        {"B": "x"},
    )
    assert [(each.position.line, each.path) for each in settings.warnings] == [(2, "providers.a.api_key")]
    assert SECRET not in str(settings.warnings[0])


# Providers of the catalogue


def keys_of(settings):
    return {
        name: each.api_key and each.api_key.get_secret_value() for name, each in config_of(settings).providers.items()
    }


def test_a_second_account_finds_the_credential_of_what_it_is_like(load):
    config = config_of(load("providers: {mine: {like: openai}}", {"OPENAI_API_KEY": SECRET}))
    assert config.providers["mine"].api_key.get_secret_value() == SECRET


def test_a_provider_of_the_catalogue_finds_its_credential_in_the_environment(load):
    settings = load(
        "providers: {openai: {}, together_ai: {}, zai: {}}", {"OPENAI_API_KEY": SECRET, "ZHIPU_API_KEY": "z"}
    )
    assert keys_of(settings) == {"openai": SECRET, "together_ai": None, "zai": "z"}
    assert settings.secrets() == {SECRET, "z"}
    assert settings.warnings == ()


@pytest.mark.parametrize(
    "told",
    [
        "{base_url: 'http://elsewhere/v1'}",
        "{credentials: [{file: /run/secrets/a}]}",
        "{auth: none}",
        "{auth: sigv4}",
    ],
)
def test_a_credential_of_the_environment_is_for_nobody_else(load, told):
    assert keys_of(load(f"providers: {{openai: {told}}}", {"OPENAI_API_KEY": SECRET})) == {"openai": None}


def test_what_the_config_says_is_stronger_than_the_environment(load):
    environ = {"OPENAI_API_KEY": SECRET, "CLOUDFLARE_ACCOUNT_ID": "ambient", "CLOUDFLARE_API_KEY": "c"}
    text = "providers: {openai: {api_key: mine}, cloudflare-workers-ai: {options: {account_id: told}}}"
    settings = load(text, environ)
    assert keys_of(settings) == {"openai": "mine", "cloudflare-workers-ai": "c"}
    assert config_of(settings).providers["cloudflare-workers-ai"].options == {"account_id": "told"}
    filled = config_of(load("providers: {cloudflare-workers-ai: {}}", environ))
    assert filled.providers["cloudflare-workers-ai"].options == {"account_id": "ambient"}


def test_an_option_of_the_environment_that_cannot_be_one_is_told_without_its_value(load):
    error = only_error(load("providers: {cloudflare-workers-ai: {}}", {"CLOUDFLARE_ACCOUNT_ID": f"a/{SECRET}"}))
    assert error.path == "providers.cloudflare-workers-ai.options.account_id"
    assert error.given == "what os.environ/CLOUDFLARE_ACCOUNT_ID holds, which is not shown"


@pytest.mark.parametrize(
    "text", ["{openai: sk-1}", "{openai: [1]}", "[openai]", "{openai: {options: 3}}", "{openai: {auth: [x]}}"]
)
def test_what_is_no_provider_stays_an_error(load, text):
    assert only_error(load(f"providers: {text}", {"OPENAI_API_KEY": SECRET}))


# The command line


def test_the_command_line_wins_over_the_file_and_none_changes_nothing(load):
    config = config_of(
        load(
            "operations: {worker_port: 1, recorder_port: 2}\nbus: {kafka: {}}",
            {},
            {
                "operations.worker_port": 0,
                "operations.recorder_port": None,
                "bus.kafka.bootstrap_servers": "a:1,b:2",
                "limits.in_flight": "7",
            },
        )
    )
    assert (config.operations.worker_port, config.operations.recorder_port) == (0, 2)
    assert config.bus.kafka.bootstrap_servers == ["a:1", "b:2"]
    assert config.limits.in_flight == 7


def test_an_override_reaches_into_a_list(load):
    text = "providers: {p: {}}\nmodels: [{name: a, deployments: [{id: x, provider: p, model: m}]}]"
    config = config_of(load(text, {}, {"models.0.deployments.0.weight": 3}))
    assert config.models[0].deployments[0].weight == 3


def test_a_wrong_override_is_told_as_the_command_line_s(load):
    error = only_error(load("directory: x", {}, {"operations.worker_prt": 1}))
    assert (error.source, error.position, error.path) == ("command line", None, "operations.worker_prt")
    assert error.hint == "did you mean worker_port?"


def test_an_override_stands_in_for_a_variable_that_is_not_set(load):
    assert config_of(load("directory: ${GONE}", {}, {"directory": "here"})).directory == "here"


def test_a_config_survives_json(load):
    config = config_of(load("operations: {drain: 5m}"))
    assert json.loads(config.model_dump_json())["operations"]["drain"] == 300
