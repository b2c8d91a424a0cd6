"""No name is passed over: what is not carried over is listed; whatever stands at a name, the outcome loads."""

import copy
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.routing.adoption import litellm, portkey
from headgate.routing.adoption.document import Note, spelt
from headgate.routing.adoption.litellm.format import SECTIONS as LITELLM
from headgate.routing.adoption.names import gaps
from headgate.routing.adoption.portkey.format import SECTIONS as PORTKEY
from headgate.routing.adoption.told import told
from headgate.workers.cli.foreign_yaml import read_foreign
from headgate.workers.cli.yaml_text import as_yaml
from support.adoption import built, lines, loaded, sample
from support.providers import ROWS

SECTIONS = {"litellm": LITELLM, "portkey": PORTKEY}


def places(value, above=()):
    """All places of a config, mappings and what is inside of them."""
    yield above, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*above, name))
    elif isinstance(value, list):
        for nr, inner in enumerate(value):
            yield from places(inner, (*above, nr))


def with_value(data, place, value):
    if not place:
        return value
    data = copy.deepcopy(data)
    inside = data
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    return data


def imported(source, data):
    return (
        litellm.adopted(data, ROWS)
        if source == "litellm"
        else portkey.adopted(data, ROWS, ("m",), {"main-258f4d": "openai"})
    )


BASES = {
    "small": ("litellm", sample("small.yaml")),
    "litellm": ("litellm", sample("litellm.yaml")),
    "tiers": ("portkey", sample("portkey-tiers.json")),
    "statuses": ("portkey", sample("portkey-statuses.json")),
    "aliases": ("portkey", sample("portkey-aliases.json")),
}
MAPPINGS = [
    (base, place)
    for base, (_, data) in BASES.items()
    for place, value in places(data)
    if isinstance(value, dict) and base != "litellm"
]
OF_SMALL = [("small", place) for place, _ in places(BASES["small"][1])]
OF_TREES = [(base, place) for base in ("tiers", "statuses") for place, _ in places(BASES[base][1])]

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**7) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_.-]{0,11}", fullmatch=True).map(lambda text: f"unheard_{text}")
SLOW = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(st.sampled_from(MAPPINGS), NAMES, PLAIN, st.booleans())
def test_a_name_that_nobody_knows_is_listed_wherever_it_stands(where, name, value, nested):
    base, place = where
    source, data = BASES[base]
    value = {"within": value} if nested else value
    found = imported(source, with_value(data, (*place, name), value))
    carried = as_yaml(spelt(found.document))
    assert any(name in line for line in lines(found)) or name in carried, place
    loaded(found)


@SLOW
@given(st.sampled_from(OF_SMALL), PLAIN)
def test_whatever_stands_in_a_litellm_config_the_outcome_loads(where, value):
    source, data = BASES[where[0]]
    built(loaded(imported(source, with_value(data, where[1], value))))


@SLOW
@given(st.sampled_from(OF_TREES), PLAIN)
def test_whatever_stands_in_a_portkey_config_the_outcome_loads(where, value):
    source, data = BASES[where[0]]
    built(loaded(imported(source, with_value(data, where[1], value))))


@SLOW
@given(PLAIN)
def test_what_is_written_is_read_back(value):
    written = spelt({"value": value})
    assert read_foreign(as_yaml(written)) == json.loads(json.dumps(written))


@pytest.mark.parametrize("base", BASES)
def test_every_name_of_a_config_has_a_fate(base):
    """Each name is read by a section, listed, or part of something that is carried over as a whole."""
    source, data = BASES[base]
    found = imported(source, data)
    known = {name for section in SECTIONS[source] for name in (*section.model_fields, *section.passed)}
    text = "\n".join(lines(found)) + as_yaml(spelt(found.document))
    names = {step for place, _ in places(data) for step in place if isinstance(step, str)}
    snake = {name: re.sub(r"(?<!^)[A-Z]", lambda match: f"_{match[0].lower()}", name) for name in names}
    assert [
        name for name in names if not {name, snake[name]} & known and name not in text and snake[name] not in text
    ] == []


@pytest.mark.parametrize("source", SECTIONS)
def test_names_without_a_counterpart_are_of_a_section_and_stand_once(source):
    fields = {section.section: {*section.model_fields, *section.passed} for section in SECTIONS[source]}
    listed = [(gap.section, name) for gap in gaps()[source] for name in gap.names]
    assert len(set(listed)) == len(listed)
    assert [(section, name) for section, name in listed if name in fields[section]] == []
    assert all(re.fullmatch(r"[A-Z`][^\n]*\.", gap.instead) for gap in gaps()[source])


def test_the_list_does_nothing_to_a_terminal_or_a_comment():
    (line,) = told([Note(("a\nproviders: {}\n# \x1b[31m", 3), "Nothing.", ("b\r",))])
    assert line == "a\\u000aproviders: {}\\u000a# \\u001b[31m.* (3), with b\\u000d: Nothing."


def test_what_is_said_of_many_places_is_said_once():
    notes = [Note(("models", nr, "x"), "Nothing.") for nr in range(20)]
    assert told(notes) == ("models.*.x (0, 1, 2, 3, 4, 5, 6, 7, ...): Nothing.",)
