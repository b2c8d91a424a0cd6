"""docs/wires.md names every endpoint, and what its body has to have."""

import json
import re

import pytest

from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults, Endpoint, Rejected, Request
from headgate.schemas.topics import Lane
from support.checkout import ROOT

PAGE = (ROOT / "docs" / "wires.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(/v1/[a-z/]+)` \| (`[a-z`, ]+`) \|", PAGE, re.MULTILINE))


def read(url, body):
    value = json.dumps({"url": url, "body": body}).encode()
    return read_request(Record("t", value, None, ()), Arrival("t/0", Lane.STANDARD, 0), Defaults())


def test_every_endpoint_is_in_the_table():
    assert list(ROWS) == list(Endpoint)


@pytest.mark.parametrize("url", ROWS)
def test_a_body_has_to_have_what_the_table_says_and_nothing_else(url):
    needed = re.findall(r"[a-z]+", ROWS[url])
    body = {"model": "m", **{name: ["a"] for name in needed}}
    assert isinstance(read(url, body), Request)
    for name in needed:
        without = {field: value for field, value in body.items() if field != name}
        assert isinstance(read(url, without), Rejected)
