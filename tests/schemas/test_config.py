"""Values of the config file."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.schemas.config import Config, KafkaBus, Operations
from headgate.schemas.config_values import password_of, seconds, without_password


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("24h", 86_400), ("7d", 604_800), ("1.5", 1.5), (" 2 m ", 120), (3, 3)],
)
def test_a_duration_is_seconds_or_a_number_with_its_unit(text, value):
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("wrong", ["", "s", "5 minutes", "-5s", "1h30m", "∞", "nan", "1e3"])
def test_what_is_no_duration_is_refused(wrong):
    with pytest.raises(ValidationError, match="500ms"):
        Operations(drain=wrong)


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_refused(text):
    with contextlib.suppress(ValidationError):
        assert Operations(drain=text).drain > 0


@pytest.mark.parametrize("brokers", ["a:1,b:2", "a:1, b:2", ["a:1", "b:2"]])
def test_brokers_are_a_list_or_a_text_with_commas(brokers):
    assert KafkaBus(bootstrap_servers=brokers).bootstrap_servers == ["a:1", "b:2"]


@pytest.mark.parametrize("brokers", ["a", "a:", ":1", "kafka://a:1", "a:1,", ["a:1,b:2"], [1], "[::1"])
def test_what_is_no_broker_is_refused(brokers):
    with pytest.raises(ValidationError, match="host:port"):
        KafkaBus(bootstrap_servers=brokers)


def test_a_broker_may_have_an_ipv6_address():
    assert KafkaBus(bootstrap_servers=["[::1]:9092"]).bootstrap_servers == ["[::1]:9092"]


@given(st.from_regex(r"\A[^/@\s:]*\Z"), st.from_regex(r"\A[^/@\s]+\Z"))
def test_the_password_of_a_url_is_found_and_masked(user, password):
    url = f"redis://{user}:{password}@host:6379/0"
    assert password_of(url) == password
    assert without_password(url) == f"redis://{user}:***@host:6379/0"


@pytest.mark.parametrize("url", ["redis://host:6379/0", "redis://user@host:6379", "a:b@c", "http://h/x:y@z"])
def test_a_url_without_a_password_stays_as_it_is(url):
    assert password_of(url) is None
    assert without_password(url) == url


def test_the_prefix_is_the_bus_s():
    assert Config().prefix == "headgate."
    assert Config(bus={"kafka": {"prefix": "k."}}).prefix == "k."
    assert Config(bus={"redis": {"prefix": "r."}}).prefix == "r."


def test_nothing_of_a_config_can_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Config().directory = "elsewhere"


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1])
def test_a_weight_is_a_finite_number(weight):
    with pytest.raises(ValidationError):
        Config(
            providers={"p": {}},
            models=[{"name": "m", "deployments": [{"id": "d", "provider": "p", "model": "x", "weight": weight}]}],
        )


def test_every_field_of_the_config_is_explained():
    definitions = Config.model_json_schema()["$defs"]
    fields = [
        (part, name, field) for part, it in definitions.items() for name, field in it.get("properties", {}).items()
    ]
    assert len(fields) > 50
    assert [(part, name) for part, name, field in fields if not field.get("description")] == []
