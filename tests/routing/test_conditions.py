"""Conditions hold exactly when a naive reading of them says so."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from headgate.routing.conditions import Facts, predicate, text_at
from headgate.schemas.conditions import When
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

WHEN = TypeAdapter(When)
ABSENT = object()


def request(metadata=None, params=None, **fields):
    body = json.dumps({"model": "small", "messages": [1], **(params or {})}).encode()
    given_ = {"key": "k1", "lane": Lane.BULK, "metadata": metadata or {}, **fields}
    return Request("r1", Endpoint.CHAT, "small", body, reply_to="t", deadline_ms=10**13, enqueued_ms=0, **given_)


def holds(when, asked=None, workspace=None):
    return predicate(WHEN.validate_python(when))(Facts(asked or request(), workspace))


# the naive evaluator: straight from the mapping, by path, operator by operator


def naive(when, asked, workspace):
    return all(naive_entry(name, value, asked, workspace) for name, value in when.items())


def naive_entry(name, value, asked, workspace):
    if name == "$and":
        return all(naive(each, asked, workspace) for each in value)
    if name == "$or":
        return any(naive(each, asked, workspace) for each in value)
    if name == "$not":
        return not naive(value, asked, workspace)
    return naive_field(value, naive_value(name, asked, workspace), textual=not name.startswith(("params.", "input_")))


def naive_value(name, asked, workspace):
    if name.startswith("metadata."):
        return asked.metadata.get(name.removeprefix("metadata."), ABSENT)
    if name.startswith("params."):
        return json.loads(asked.body).get(name.removeprefix("params."), ABSENT)
    known = {"key": asked.key, "workspace": workspace, "end_user": asked.end_user, "lane": str(asked.lane)}
    if name in known:
        return ABSENT if known[name] is None else known[name]
    return {"input_bytes": len(asked.body), "model": "small", "endpoint": "/v1/chat/completions"}[name]


def naive_field(wanted, value, *, textual):
    if not isinstance(wanted, dict) or not any(name.startswith("$") for name in wanted):
        wanted = {"$eq": wanted}
    return all(naive_test(name, operand, value, textual=textual) for name, operand in wanted.items())


def naive_test(name, operand, value, *, textual):  # noqa: PLR0911 - a case for each operator
    if name == "$not":
        return not naive_field(operand, value, textual=textual)
    if name == "$exists":
        return (value is not ABSENT) == operand
    if name == "$regex":
        return isinstance(value, str) and bool(re.search(operand, value))
    if name in {"$ne", "$nin"}:
        return not naive_test({"$ne": "$eq", "$nin": "$in"}[name], operand, value, textual=textual)
    if name == "$in":
        return any(naive_test("$eq", each, value, textual=textual) for each in operand)
    value = naive_read(value, operand) if textual else value
    if name == "$eq":
        return json.dumps(None if value is ABSENT else value, sort_keys=True) == json.dumps(operand, sort_keys=True)
    if kind(value) != kind(operand):
        return False
    return {"$gt": value > operand, "$gte": value >= operand, "$lt": value < operand, "$lte": value <= operand}[name]


def naive_read(text, operand):
    if isinstance(text, str) and kind(operand) in {"number", "truth"}:
        try:
            read = json.loads(text)
        except ValueError:
            return text
        return read if kind(read) == kind(operand) else text
    return text


def kind(value):
    if isinstance(value, bool):
        return "truth"
    return {int: "number", float: "number", str: "text"}.get(type(value), "other")


TEXTS = st.sampled_from(["", "a", "b", "ab", "1", "2", "10", "true", "-1", "x1"])
SCALARS = TEXTS | st.integers(-2, 11) | st.booleans() | st.none()
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("pq"), SCALARS, max_size=2)
PATHS = st.sampled_from(
    ["metadata.x", "metadata.y", "params.x", "params.y", "key", "workspace", "end_user", "lane", "input_bytes"]
)
TESTS = st.fixed_dictionaries(
    {},
    optional={
        "$eq": VALUES,
        "$ne": VALUES,
        **{name: TEXTS | st.integers(-2, 11) for name in ("$gt", "$gte", "$lt", "$lte")},
        "$in": st.lists(VALUES, max_size=3),
        "$nin": st.lists(VALUES, max_size=3),
        "$regex": st.sampled_from(["a", "^a$", "[0-9]", "", "b$"]),
        "$exists": st.booleans(),
        "$not": st.fixed_dictionaries({"$gt": st.integers(-2, 11)}) | SCALARS,
    },
).filter(bool)
FIELDS = st.dictionaries(PATHS, TESTS | VALUES.filter(lambda value: value != {}), min_size=1, max_size=3)
WHENS = st.recursive(
    FIELDS,
    lambda inner: st.builds(
        lambda *parts: {name: value for part in parts for name, value in part.items()},
        st.one_of(FIELDS, st.just({})),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=2)}) | st.just({}),
        st.fixed_dictionaries({"$not": inner}) | st.just({}),
    ),
    max_leaves=5,
)
REQUESTS = st.builds(
    request,
    metadata=st.dictionaries(st.sampled_from("xy"), TEXTS),
    params=st.dictionaries(st.sampled_from("xy"), VALUES),
    key=TEXTS,
    end_user=st.none() | TEXTS,
)


@given(WHENS, REQUESTS, st.none() | TEXTS)
def test_a_condition_holds_when_a_naive_reading_says_so(when, asked, workspace):
    assert holds(when, asked, workspace) is naive(when, asked, workspace)


@pytest.mark.parametrize("sibling", [{"$or": [{"key": "k1"}]}, {"$and": [{"key": "k1"}]}, {"$not": {"key": "k2"}}])
@pytest.mark.parametrize("first", [True, False])
def test_what_stands_beside_or_and_and_not_has_to_hold_too(sibling, first):
    other = {"metadata.x": {"$regex": "^a"}}
    when = {**sibling, **other} if first else {**other, **sibling}
    assert holds(when, request({"x": "a"}))
    assert not holds(when, request({"x": "b"}))


def test_all_operators_of_a_path_have_to_hold():
    between = {"metadata.size": {"$regex": ".", "$gt": 3, "$lt": 10}}
    assert [holds(between, request({"size": size})) for size in ("3", "9", "10", "nine")] == [False, True, False, False]


def test_text_that_is_held_against_a_number_is_read_as_one():
    assert holds({"metadata.x": 10}, request({"x": "10.0"}))
    assert not holds({"metadata.x": "10"}, request({"x": "10.0"}))
    assert not holds({"params.x": 10}, request(params={"x": "10"}))


def test_the_size_of_the_input_is_a_number():
    long = request(params={"messages": [{"role": "user", "content": "word " * 3000}]})
    assert holds({"input_tokens": {"$gt": 1000, "$lt": 10_000}, "input_bytes": {"$gte": 15_000}}, long)
    assert not holds({"input_tokens": {"$gt": 1000}})


def test_a_field_that_nobody_can_hold_is_absent():
    body = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    asked = Request("r", Endpoint.CHAT, "small", body, "k", Lane.BULK, "t", 10**13, 0)
    assert holds({"params.x": {"$exists": False}}, asked)


@pytest.mark.parametrize(
    ("when", "place"),
    [
        ({}, ()),
        ({"nowhere": 1}, ("nowhere",)),
        ({"metadata.": 1}, ("metadata.",)),
        ({"key": {"$like": "x"}}, ("key", "$like")),
        ({"key": {"$regex": "("}}, ("key", "$regex")),
        ({"key": {"$in": "x"}}, ("key", "$in")),
        ({"key": {"$exists": 1}}, ("key", "$exists")),
        ({"key": {"$gt": True}}, ("key", "$gt")),
        ({"key": {"$gt": 1, "x": 2}}, ("key", "x")),
        ({"$or": {"key": 1}}, ("$or",)),
        ({"$or": []}, ("$or",)),
        ({"$and": [{"key": 1}, {"key": {"$lt": None}}]}, ("$and", 1, "key", "$lt")),
        ({"$not": {"$nor": []}}, ("$not", "$nor")),
        ({"key": {"$not": {"$regex": "["}}}, ("key", "$not", "$regex")),
    ],
)
def test_what_is_wrong_with_a_condition_is_told_at_its_place(when, place):
    with pytest.raises(ValidationError) as raised:
        WHEN.validate_python(when)
    assert [error["loc"] for error in raised.value.errors()] == [place]


def test_all_faults_of_a_condition_are_told():
    with pytest.raises(ValidationError) as raised:
        WHEN.validate_python({"a": 1, "$or": [{"b": 2}], "key": {"$c": 3, "$d": 4}})
    assert raised.value.error_count() == 4


def test_a_value_is_hashed_as_text():
    facts = Facts(request({"x": "a"}, {"user": {"b": 1, "a": [True]}}))
    paths = ("metadata.x", "params.user", "params.none", "end_user")
    assert [text_at(path)(facts) for path in paths] == ["a", '{"a":[true],"b":1}', None, None]
