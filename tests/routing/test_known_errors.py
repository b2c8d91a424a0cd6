"""Every error of the shared provider facts, as its provider sends it: what it is, and whether to retry."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from headgate.routing.http import HttpReply
from headgate.routing.outcome import Completion
from headgate.routing.providers import errors, openai
from headgate.routing.providers.error_table import ErrorTable, error_rows
from headgate.routing.providers.errors import Ending, finish, setback
from headgate.schemas.failures import Code, Failure
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane
from support import provider_errors as said
from support.provider_errors import reply, target_of

ERRORS = Path(__file__).parents[2].parent / "shared" / "providers" / "errors.csv"

#: The classes of the facts in our words: codes of failures, and how an answer ends.
CLASSES = {
    "rate_limit": (Code.RATE_LIMITED,),
    "ramp_limit": (Code.RATE_LIMITED,),
    "rate_limit/capacity": (Code.RATE_LIMITED,),
    "in_flight_budget": (Code.RATE_LIMITED,),
    "quota": (Code.QUOTA_EXHAUSTED,),
    "daily_quota": (Code.QUOTA_EXHAUSTED,),
    "trial_quota": (Code.QUOTA_EXHAUSTED,),
    "flex_capacity": (Code.CAPACITY,),
    "capacity": (Code.CAPACITY,),
    "not_ready": (Code.CAPACITY,),
    "routing": (Code.CAPACITY,),
    "overloaded": (Code.OVERLOADED,),
    "timeout": (Code.UPSTREAM_TIMEOUT,),
    "cancelled": (Code.CONNECTION_CUT,),
    "conflict": (Code.PROVIDER_ERROR,),
    "upstream": (Code.PROVIDER_ERROR,),
    "upstream_model": (Code.PROVIDER_ERROR,),
    "server": (Code.PROVIDER_ERROR,),
    "model_error": (Code.MODEL_ERROR,),
    "auth": (Code.AUTHENTICATION,),
    "permission": (Code.PERMISSION,),
    "billing/region": (Code.PERMISSION,),
    "not_found": (Code.UPSTREAM_NOT_FOUND,),
    "too_large": (Code.UPSTREAM_TOO_LARGE,),
    "invalid_request": (Code.BAD_REQUEST,),
    "context_window": (Code.CONTEXT_LENGTH, "length"),
    "content_filter": (Code.CONTENT_POLICY, "content_filter"),
    "length": ("length",),
    "continue": ("continue",),
}
#: Words whose code says more than the class of their row.
FINER = {"TIMEOUT": (Code.UPSTREAM_TIMEOUT,), "insufficient_system_resource": (Code.OVERLOADED,)}
#: Rows that say no more than that it goes by the status.
BY_STATUS = {
    400: Code.BAD_REQUEST,
    401: Code.AUTHENTICATION,
    403: Code.PERMISSION,
    404: Code.UPSTREAM_NOT_FOUND,
    422: Code.BAD_REQUEST,
    429: Code.RATE_LIMITED,
    500: Code.PROVIDER_ERROR,
    502: Code.PROVIDER_ERROR,
    503: Code.OVERLOADED,
    504: Code.UPSTREAM_TIMEOUT,
}
#: Rows that mean two things, in the order in which their values are built.
BOTH = {
    "invalid_request or context_window": ("invalid_request", "context_window"),
    "rate_limit or trial_quota": ("rate_limit", "trial_quota"),
    "rate_limit/overloaded": ("rate_limit", "overloaded"),
    "length / server": ("length", "server"),
    "content_filter | server": ("content_filter", "server"),
}


@dataclass(frozen=True)
class Case:
    """One thing that a row says: a reply, or how an answer ended, and what that is."""

    given: HttpReply | str
    expected: tuple[Code | str, ...]
    where: Ending = Ending.REASON
    #: None: the row does not say.
    again: bool | None = None


def cases_of(row):
    """Everything that a row says."""
    if row["class"] in {"shape", "body_error", "server_directive", "keep-alive"}:
        return SPECIAL[row["family"], row["class"]]()
    if row["http_status"] == "200":
        return _endings(row)
    replies = [one for builder, ones in BUILDERS if builder(row) for one in ones(row)]
    assert replies, f"nobody knows how to build {row}"
    classes = BOTH.get(row["class"].partition(" (")[0], (row["class"],) * len(replies))
    return [Case(one, CLASSES[name], again=_again(row, name)) for one, name in zip(replies, classes, strict=True)]


def _again(row, name):
    if row["family"] == "cohere" and "month: no" in row["retry"]:
        return name == "rate_limit"
    if row["class"] == "routing":
        return False
    word = re.match(r"yes|no\b", row["retry"])
    return None if word is None else word[0] == "yes"


def _endings(row):
    words = [word for word in re.split(r"[|\s]+", row["value"].partition("(")[0]) if word]
    words = [each for word in words for each in ([f"IMAGE_{kind}" for kind in IMAGES] if word == "IMAGE_*" else [word])]
    where = Ending.BLOCK if "blockReason" in row["where"] else Ending.REASON
    classes = BOTH.get(row["class"], (row["class"],) * len(words))
    again = True if row["retry"] == "yes" else None
    return [Case(word, FINER.get(word, CLASSES[name]), where, again) for word, name in zip(words, classes, strict=True)]


IMAGES = ("SAFETY", "PROHIBITED_CONTENT", "RECITATION", "OTHER")
WAIT = {"retry_after": "7"}


def _status(row):
    return int(row["http_status"])


def _first(row):
    return row["value"].split(" ")[0]


def _openai_code(row):
    kind = re.search(r"type (?:is )?(\w+)", row["value"] + " " + row["note"])
    yield reply(_status(row), said.openai(kind=kind[1] if kind else None, code=_first(row), **_inner(row)), **WAIT)
    for phrase in re.findall(r'message "(.*?)"', row["value"]):
        yield reply(_status(row), said.openai(f"Well: {phrase} 8192.", "invalid_request_error"))


def _inner(row):
    inner = re.search(r"innererror\.code (\w+)", row["value"])
    return {"innererror": {"code": inner[1]}} if inner else {}


def _openai_message(row):
    for phrase in row["value"].split(" | "):
        text = phrase.replace(" X ", " 9000 ").replace(" Y", " 8192")
        yield reply(_status(row), said.openai(f"So: {text} …", "invalid_request_error", param="service_tier"))


def _anthropic_type(row):
    kind = row["value"] if " " not in row["where"] else "rate_limit_error"
    headers = WAIT if row["where"].endswith("retry-after") else {}
    yield reply(_status(row), said.anthropic(_first({"value": kind})), **headers)


def _anthropic_details(row):
    headers = {} if "no retry-after" in row["where"] else WAIT
    for code in row["value"].split(" | "):
        yield reply(_status(row), said.anthropic("rate_limit_error", error_code=code), **headers)


def _google_quota(row):
    period = row["value"].strip("…")
    body = said.google(
        429, "RESOURCE_EXHAUSTED", "no", said.violation(f"Generate{period}PerModel"), said.retry_info("46s")
    )
    yield reply(429, body)


def _google_message(row):
    yield reply(_status(row), said.google(400, "INVALID_ARGUMENT", f"The input token count {row['value']} 1048576."))


def _aws(row):
    status, kind = _status(row), row["value"]
    yield reply(status, {"message": "no"}, x_amzn_errortype=f"{kind}:http://internal.amazon.com/")
    if kind == "ValidationException":
        yield reply(status, {"message": "Input is too long for requested model."}, x_amzn_errortype=kind)


def _cohere_message(row):
    if _status(row) == 429:
        for period in ("minute", "month"):
            yield reply(429, {"message": f"You are using a Trial key, which is limited to 1000 API calls / {period}."})
    else:
        yield reply(_status(row), {"message": f"{row['value']}: the total is 9000, the limit is 4081"})


def _openrouter_limit(row):
    headers = WAIT if "Retry-After" in row["where"] else {}
    for source in row["value"].split(" | "):
        yield reply(402, {"error": {"code": 402, "message": "no", "metadata": {"limit_source": source}}}, **headers)


def _statuses(row):
    body = {"openrouter": {"error": {"code": row["http_status"], "message": row["value"]}}, "cohere": {"message": "no"}}
    for status in map(int, row["http_status"].split("/")):
        yield reply(status, body.get(row["family"], said.openai(row["value"] or "no")))


def _in(family, where):
    return lambda row: row["family"] in family.split(",") and re.fullmatch(where, row["where"]) is not None


#: What builds the replies of a row; exactly one of them fits.
BUILDERS = [
    (_in("openai,azure-openai", r"error\.code"), _openai_code),
    (_in("openai,azure-openai", r"service_tier=flex|error\.param=.*"), _openai_message),
    (_in("azure-openai,groq", "headers?"), lambda _: [reply(429, said.openai(), **WAIT)]),
    (_in("groq", "error"), lambda row: [reply(498, said.openai(code=_first(row)))]),
    (_in("anthropic", r"error\.type( .*)?"), _anthropic_type),
    (_in("anthropic", r"error\.details.*"), _anthropic_details),
    (
        _in("anthropic", "message"),
        lambda row: [reply(400, said.anthropic("invalid_request_error", f"{row['value']}: 9"))],
    ),
    (_in("gemini", r"error\.status"), lambda row: [reply(_status(row), said.google(_status(row), row["value"]))]),
    (_in("gemini", r"error\.details.*"), _google_quota),
    (_in("gemini", "body without .*"), lambda row: [reply(429, [said.google(429, row["value"])])]),
    (_in("gemini", "message"), _google_message),
    (_in("bedrock-converse", "header .*"), _aws),
    (_in("cohere", "message"), _cohere_message),
    (_in("mistral", "message"), lambda row: [reply(429, said.mistral(f"{row['value']}.", "invalid_request_error"))]),
    (_in("openrouter", r"error\.metadata.*"), _openrouter_limit),
    (_in("vllm/llama.cpp,cerebras", "message"), _openai_message),
    (_in("tgi", "message"), lambda row: [reply(422, {"error": f"{row['value']} <= 4096", "error_type": "validation"})]),
    (_in("openai,cohere,deepseek,openrouter", "status"), _statuses),
    (_in("fireworks", "headers"), _statuses),
]


def _flat_shape():
    return [
        Case(reply(status, said.mistral()), (BY_STATUS[status],), again=True) for status in (429, 500, 502, 503, 504)
    ]


def _shapes(*bodies):
    return lambda: [Case(reply(status, body), (code,)) for status, code in BY_STATUS.items() for body in bodies]


def _directives():
    return [
        Case(reply(400, said.openai(), x_should_retry="true"), (Code.BAD_REQUEST,), again=True),
        Case(reply(500, said.openai(), x_should_retry="false"), (Code.PROVIDER_ERROR,), again=False),
    ]


def _failed_response():
    codes = {
        "server_error": Code.PROVIDER_ERROR,
        "rate_limit_exceeded": Code.RATE_LIMITED,
        "invalid_prompt": Code.BAD_REQUEST,
    }
    return [
        Case(reply(200, {"status": "failed", "output": [], "error": {"code": said_code, "message": "no"}}), (code,))
        for said_code, code in codes.items()
    ]


def _openrouter_body():
    upstream = {502: Code.PROVIDER_ERROR, 429: Code.RATE_LIMITED, 402: Code.QUOTA_EXHAUSTED, 408: Code.UPSTREAM_TIMEOUT}
    choice = {"index": 0, "finish_reason": "error"}
    for status, code in upstream.items():
        error = {"code": status, "message": "no"}
        yield Case(reply(200, {"error": error}), (code,))
        yield Case(reply(200, {"choices": [{**choice, "error": error}]}), (code,))
    yield Case("error", (Code.PROVIDER_ERROR,))


SPECIAL = {
    ("openai", "server_directive"): _directives,
    ("openai", "body_error"): _failed_response,
    ("openrouter", "body_error"): lambda: list(_openrouter_body()),
    ("mistral", "shape"): _flat_shape,
    ("xai", "shape"): _shapes({"error": {"message": "no"}}, {"code": "said", "error": "no"}, {"error": "no"}),
    ("voyage", "shape"): _shapes({"detail": "no"}),
    ("deepseek", "keep-alive"): lambda: [
        Case(reply(200, b'\n\n\n{"choices": [{"finish_reason": "stop"}]}'), ("stop",))
    ],
}


def _rows():
    if not ERRORS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="errors.csv of the shared provider facts is absent"))]
    with ERRORS.open() as file:
        rows = list(csv.DictReader(file))
    return [
        pytest.param(row, id=f"{number} {row['family']} {row['http_status']} {row['value'][:40]}")
        for number, row in enumerate(rows, start=2)
    ]


def judged(case, where):
    """What we make of a case: a code or how it ended, and whether to try again."""
    if isinstance(case.given, str):
        ended = finish(where, case.given, case.where)
        return (ended.code, ended.retriable) if isinstance(ended, Failure) else (ended, None)
    if case.given.status == 200:
        decoded = openai.decode(case.given, _request(case.given), where)
        return ("stop", None) if isinstance(decoded, Completion) else (decoded.failure.code, decoded.failure.retriable)
    made = setback(case.given, where)
    return made.failure.code, made.failure.retriable if made.should_retry is None else made.should_retry


def _request(given):
    endpoint = Endpoint.RESPONSES if b'"output"' in given.body else Endpoint.CHAT
    return Request("r1", endpoint, "m", b"{}", "local", Lane.STANDARD, "replies", 10**13, 0)


@pytest.mark.parametrize("row", _rows())
def test_a_known_error_is_what_is_recorded_of_it(row):
    for case in cases_of(row):
        code, again = judged(case, target_of(row["family"]))
        assert code in case.expected, case
        assert case.again in {None, again}, case


@pytest.mark.parametrize("row", _rows())
def test_a_known_error_is_known_from_the_table_alone(row, monkeypatch):
    """Each of the tests above can fail: with a table that says something else, it does."""
    rows = error_rows()
    changed = msgspec.structs.replace(
        rows,
        row=tuple(msgspec.structs.replace(each, means=Code.INTERNAL) for each in rows.row),
        ended=tuple(msgspec.structs.replace(each, means=Code.INTERNAL.value) for each in rows.ended),
    )
    monkeypatch.setattr(errors, "error_table", lambda: ErrorTable(changed))
    for case in cases_of(row):
        if row["class"] != "keep-alive":
            assert judged(case, target_of(row["family"]))[0] is Code.INTERNAL


@pytest.mark.parametrize("row", _rows())
def test_a_known_error_has_one_way_to_be_built(row):
    if row["http_status"] != "200" and (row["family"], row["class"]) not in SPECIAL:
        assert sum(fits(row) for fits, _ in BUILDERS) == 1
