"""JSON made from a schema, judged by a validator of JSON Schema."""

import json

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.simulator.chance import Dice
from headgate.workers.simulator.json_schema import parse_schema
from headgate.workers.simulator.json_values import json_matching

STARTS = st.integers(0, 2**64 - 1)


def made(schema, start=1):
    return json.loads(json_matching(parse_schema(json.dumps(schema).encode()), Dice(start)))


def _ordered(least, most):
    return st.tuples(least, most).map(sorted)


STRINGS = st.one_of(
    _ordered(st.integers(0, 40), st.integers(0, 40)).map(
        lambda two: {"type": "string", "minLength": two[0], "maxLength": two[1]}
    ),
    st.sampled_from(["date", "time", "date-time", "duration", "email", "hostname", "uri", "uuid", "ipv4", "ipv6"]).map(
        lambda name: {"type": "string", "format": name}
    ),
    st.lists(st.one_of(st.text(), st.integers(), st.none(), st.booleans()), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.text(), st.none(), st.lists(st.integers())).map(lambda value: {"const": value}),
)
INTEGERS = st.one_of(
    _ordered(st.integers(-1000, 1000), st.integers(-1000, 1000)).map(
        lambda two: {"type": "integer", "minimum": two[0], "maximum": two[1]}
    ),
    st.integers(-1000, 1000).map(lambda low: {"type": "integer", "exclusiveMinimum": low}),
    st.integers(-1000, 1000).map(lambda high: {"type": "integer", "exclusiveMaximum": high}),
    st.tuples(st.integers(-1000, 1000), st.integers(2, 4)).map(
        lambda two: {"type": "integer", "exclusiveMinimum": two[0], "exclusiveMaximum": two[0] + two[1]}
    ),
    st.integers(1, 50).map(lambda step: {"type": "integer", "multipleOf": step}),
)
NUMBERS = st.one_of(
    _ordered(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(
        lambda two: {"type": "number", "minimum": two[0], "maximum": two[1]}
    ),
    st.floats(-1e6, 1e6).map(lambda low: {"type": "number", "exclusiveMinimum": low}),
)
LEAVES = st.one_of(
    STRINGS,
    INTEGERS,
    NUMBERS,
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, True, {}, {"type": ["null", "string"]}]),
)


def _branches(children):
    names = st.text(max_size=8)
    return st.one_of(
        st.dictionaries(names, children, max_size=4).map(
            lambda some: {"type": "object", "properties": some, "required": list(some), "additionalProperties": False}
        ),
        _ordered(st.integers(0, 4), st.integers(0, 4)).flatmap(
            lambda two: children.map(
                lambda item: {"type": "array", "items": item, "minItems": two[0], "maxItems": two[1]}
            )
        ),
        st.lists(children, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
        children.map(lambda one: {"$ref": "#/$defs/one", "$defs": {"one": one}}),
    )


def _nested_refs(schema):
    """Whether a reference stands below the root, where `#/$defs` would mean something else."""
    text = json.dumps(schema)
    return text.count("$ref") > (1 if isinstance(schema, dict) and "$ref" in schema else 0)


SCHEMAS = st.recursive(LEAVES, _branches, max_leaves=12).filter(lambda schema: not _nested_refs(schema))


@given(schema=SCHEMAS, start=STARTS)
def test_a_value_matches_its_schema(schema, start):
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    value = made(schema, start)
    assert [error.message for error in validator.iter_errors(value)] == []


@given(schema=SCHEMAS, start=STARTS)
def test_the_same_dice_make_the_same_value(schema, start):
    assert made(schema, start) == made(schema, start)


TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "peer": {"$ref": "#/$defs/peer"},
    },
    "required": ["name", "children", "parent"],
    "$defs": {"peer": {"type": ["object", "null"], "properties": {"tree": {"$ref": "#"}}}},
}


@given(start=STARTS)
def test_recursion_comes_to_an_end(start):
    value = made(TREE, start)
    assert jsonschema_rs.is_valid(TREE, value)
    assert len(json.dumps(value)) < 100_000


def test_what_is_optional_is_left_out_in_the_deep():
    optional = {"type": "object", "properties": {name: {"$ref": "#"} for name in "abcdefgh"}}
    value = made(optional)
    assert jsonschema_rs.is_valid(optional, value)
    assert set(value) == set("abcdefgh")


def test_a_schema_that_no_finite_value_matches_is_given_up():
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}
    assert len(json.dumps(made(endless))) < 1_000_000


def test_what_is_required_is_there_even_if_nothing_is_said_of_it():
    assert made({"type": "object", "required": ["x"]}).keys() == {"x"}


def test_a_reference_into_nothing_allows_everything():
    made({"$ref": "https://example.com/else"})
    made({"$ref": "#/$defs/none"})


@pytest.mark.parametrize("schema", [{"type": 7}, {"properties": []}, {"minimum": "low"}, []])
def test_what_is_no_schema_is_an_error(schema):
    with pytest.raises(msgspec.ValidationError):
        parse_schema(json.dumps(schema).encode())
