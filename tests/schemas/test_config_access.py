"""Keys, workspaces, orgs and budgets in the config: each right by itself, and all of them together."""

import contextlib
import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.schemas import config_texts
from headgate.schemas.config import Config
from headgate.schemas.config_access import Budget, Key
from support.keys import PUBLIC_KEY, SECRET

HASH = {"sha256": "0" * 64}
DEPLOYMENT = {"id": "d", "provider": "p", "model": "m"}
OTHER = {"id": "e", "provider": "p", "model": "m"}


def faults(**parts):
    """What is wrong, each with its place."""
    try:
        Config(**parts)
    except ValidationError as error:
        told = {".".join(map(str, each["loc"])): each.get("ctx", {}) for each in error.errors()}
        return {place: f"expected {ctx['expected']}, got {ctx['given']}" for place, ctx in told.items()}
    return {}


# Each by itself


def test_a_public_key_is_a_point_of_the_curve_that_a_private_key_belongs_to():
    assert Key(id="a", public_key=PUBLIC_KEY).public_key == PUBLIC_KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC_KEY.removeprefix("ed25519:"),
        PUBLIC_KEY[:-1],
        PUBLIC_KEY + "\n",
        "ed25519:" + "A" * 43 + "=",  # a placeholder, for which anybody could sign
        "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  # the same of order 1
        "ed25519:JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=",  # and 8
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(text):
    told = faults(keys=[{"id": "a", "public_key": text}])
    assert list(told) == ["keys.0.public_key"]
    assert not text or text not in told["keys.0.public_key"]


def test_a_mistake_of_one_letter_is_found_in_most_public_keys():
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    wrong = [PUBLIC_KEY[:20] + letter + PUBLIC_KEY[21:] for letter in letters if letter != PUBLIC_KEY[20]]
    refused = [text for text in wrong if faults(keys=[{"id": "a", "public_key": text}])]
    assert len(refused) > 0.8 * len(wrong)


def test_a_secret_in_the_place_of_its_hash_is_refused_and_not_repeated():
    told = faults(keys=[{"id": "a", "secret": {"sha256": SECRET}}])
    assert "64 hexadecimal digits" in told["keys.0.secret.sha256"]
    assert SECRET not in told["keys.0.secret.sha256"]


@pytest.mark.parametrize("text", ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00"])
def test_a_key_expires_at_a_time_with_its_zone(text):
    assert Key(id="a", expires=text).expires == dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("value", ["2027-01-01", "2027-01-01T00:00:00", "soon", "1800000000", 20270101, True, [2027]])
def test_what_is_no_time_with_a_zone_is_refused(value):
    assert "2027-01-01T00:00:00Z" in faults(keys=[{"id": "a", "expires": value}])["keys.0.expires"]


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_budget_may_count_days_in_any_zone(name):
    assert Budget(usd=1, time_zone=name).time_zone == name


@pytest.mark.parametrize(
    "name", ["", "Europe", "Berlin", "../etc/passwd", "/etc/passwd", "a\0b", "localtime", "x" * 300]
)
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        Budget(usd=1, time_zone=name)


def test_a_machine_without_zones_is_told_what_to_install(monkeypatch):
    def nothing(name):
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(config_texts.zoneinfo, "ZoneInfo", nothing)
    with pytest.raises(ValidationError, match="install the package tzdata"):
        Budget(usd=1, time_zone="Europe/Berlin")


@given(st.text(max_size=40))
def test_any_text_is_a_zone_or_refused(name):
    with contextlib.suppress(ValidationError):
        zoneinfo.ZoneInfo(Budget(usd=1, time_zone=name).time_zone)


@given(st.text(max_size=60) | st.from_regex(r"\Aed25519:[A-Za-z0-9+/]{43}=\Z"))
def test_any_text_is_a_public_key_or_refused(text):
    with contextlib.suppress(ValidationError):
        assert Key(id="a", public_key=text).public_key == text


def test_metadata_of_a_key_is_no_longer_than_that_of_a_request():
    assert faults(keys=[{"id": "a", "metadata": {"team": "rag"}}]) == {}
    for metadata in ({"n" * 65: ""}, {"n": "v" * 513}, {str(nr): "" for nr in range(17)}):
        with pytest.raises(ValidationError):
            Key(id="a", metadata=metadata)


# Together


@pytest.mark.parametrize("part", ["keys", "workspaces", "orgs"])
def test_an_id_stands_once(part):
    told = faults(**{part: [{"id": "a"}, {"id": "b"}, {"id": "a"}]})
    assert told == {f"{part}.2.id": f"expected each id once among {part}, got 'a' a second time"}


def test_a_misspelt_workspace_is_no_way_around_its_budget():
    workspaces = [{"id": "research"}, {"id": "shop"}]
    assert faults(workspaces=workspaces, keys=[{"id": "a", "workspace": "research"}, {"id": "b"}]) == {}
    told = faults(workspaces=workspaces, keys=[{"id": "a", "workspace": "reserach"}])
    assert told == {"keys.0.workspace": "expected one of this file's workspaces (research, shop), got 'reserach'"}
    assert faults(keys=[{"id": "a", "workspace": "only-for-reports"}]) == {}


def test_a_misspelt_org_is_no_way_around_its_budget():
    assert faults(orgs=[{"id": "acme"}], workspaces=[{"id": "w", "org": "acme"}, {"id": "v"}]) == {}
    told = faults(orgs=[{"id": "acme"}], workspaces=[{"id": "w", "org": "amce"}])
    assert told == {"workspaces.0.org": "expected one of this file's orgs (acme), got 'amce'"}
    assert faults(workspaces=[{"id": "w", "org": "only-for-reports"}]) == {}


FALLBACK = [{"usd": 1}, {"usd": 1, "at_limit": {"fallback": "chaep"}}]
#: Everything that has budgets, and where the second one of them stands.
PAYERS = {
    "keys.0": {"keys": [{"id": "a", "budgets": FALLBACK}]},
    "workspaces.0": {"workspaces": [{"id": "a", "budgets": FALLBACK}]},
    "orgs.0": {"orgs": [{"id": "a", "budgets": FALLBACK}]},
    "metadata.0": {"metadata": [{"field": "a", "budgets": FALLBACK}]},
    "end_users": {"end_users": {"budgets": FALLBACK}},
    "providers.p": {"providers": {"p": {"budgets": FALLBACK}}},
    "models.0": {"models": [{"name": "cheap", "deployments": [DEPLOYMENT], "budgets": FALLBACK}]},
    "models.0.deployments.0": {"models": [{"name": "cheap", "deployments": [{**DEPLOYMENT, "budgets": FALLBACK}]}]},
}


@pytest.mark.parametrize("place", PAYERS)
def test_a_fallback_names_a_model(place):
    parts = {"providers": {"p": {}}, "models": [{"name": "cheap", "deployments": [DEPLOYMENT]}], **PAYERS[place]}
    there = f"{place}.budgets.1.at_limit.fallback"
    assert faults(**parts) == {there: "expected one of this file's models (cheap), got 'chaep'"}


def test_without_models_any_model_may_be_fallen_back_to():
    assert faults(keys=[{"id": "a", "budgets": FALLBACK}]) == {}


def test_a_model_does_not_fall_back_to_itself():
    budgets = [{"usd": 1, "at_limit": {"fallback": "small"}}]
    models = [
        {"name": "small", "deployments": [DEPLOYMENT]},
        {"name": "large", "deployments": [OTHER], "budgets": budgets},
    ]
    assert faults(providers={"p": {}}, models=models) == {}
    models = [{"name": "small", "deployments": [{**DEPLOYMENT, "budgets": budgets}]}]
    (told,) = faults(providers={"p": {}}, models=models).items()
    assert told == (
        "models.0.deployments.0.budgets.0.at_limit.fallback",
        "expected another model than the one whose budget it is, got 'small'",
    )


BEARER, SIGNED, TRUSTED = {"secret": HASH}, {"public_key": PUBLIC_KEY}, {}


@pytest.mark.parametrize(
    ("key", "accept", "fine"),
    [
        (BEARER, ["bearer"], True),
        (BEARER, ["signature", "trusted"], False),
        ({"former": [HASH]}, ["bearer"], True),
        (SIGNED, ["signature"], True),
        (SIGNED, ["bearer", "trusted"], False),
        ({"former_public_keys": [PUBLIC_KEY]}, ["signature"], True),
        ({**BEARER, **SIGNED}, ["signature"], True),
        ({**BEARER, **SIGNED}, ["trusted"], False),
        (TRUSTED, ["trusted"], True),
        (TRUSTED, ["signature", "bearer"], False),
        (TRUSTED, [], False),
    ],
)
def test_a_key_that_nothing_opens_is_told(key, accept, fine):
    told = faults(keys=[{"id": "a", **key}], authentication={"accept": accept})
    assert list(told) == ([] if fine else ["keys.0"])


def test_it_is_told_what_the_key_is_for_and_what_is_accepted():
    told = faults(keys=[{"id": "a", **BEARER, **SIGNED}], authentication={"accept": ["trusted"]})
    assert (
        told["keys.0"] == "expected a key for one of authentication.accept (trusted), got one for bearer and signature"
    )


def test_answers_are_kept_as_long_as_a_signed_request_may_be_sent_again_and_run():
    parts = {"authentication": {"max_age": "10m"}, "defaults": {"deadline": "1h"}, "admission": {"keep_answers": "79m"}}
    told = faults(keys=[{"id": "a", **SIGNED}], **parts)
    assert list(told) == ["admission.keep_answers"]
    assert "at least 4800 s" in told["admission.keep_answers"]
    assert faults(keys=[{"id": "a", **BEARER}], **parts) == {}
    assert faults(keys=[{"id": "a", **SIGNED}], **{**parts, "admission": {"keep_answers": "80m"}}) == {}
    assert faults(keys=[{"id": "a", **SIGNED}]) == {}
