"""OpenAI's wire beyond text: moderations, images, transcriptions, and the reranks of those who are compatible."""

import json
from base64 import b64encode
from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.http import HttpCall, HttpReply
from headgate.routing.outcome import Completion, Setback
from headgate.routing.providers.openai import FAMILY
from headgate.routing.service import Service
from headgate.schemas.failures import Code, Failure
from headgate.schemas.reply import Tokens
from headgate.schemas.request import Endpoint
from support.wire import asked, came, openai_schema, to

BESIDE = [Endpoint.MODERATIONS, Endpoint.IMAGES, Endpoint.TRANSCRIPTIONS, Endpoint.RERANK]
SOUND = b"\x00\x01sound\r\n--headgate-\xff"
URL = f"data:audio/mpeg;base64,{b64encode(SOUND).decode()}"
RERANK = {"model": "small", "query": "q", "documents": ["a", "b"]}


def decode(endpoint, body, request=None):
    return FAMILY.decode(came(body), asked(request or {}, endpoint), to("openai", "m"))


def transcribe(body, **changes):
    return FAMILY.encode(
        asked({"model": "small", **body}, Endpoint.TRANSCRIPTIONS), to("openai", "whisper-1", **changes)
    )


def form(call):
    """Read a form as the standard library does: names, file names, types, contents."""
    ((name, value),) = call.headers
    message = BytesParser(policy=policy.HTTP).parsebytes(f"{name}: {value}\r\n\r\n".encode() + call.body)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


# --- transcriptions: from JSON to a form ------------------------------------------------------------------------------


def test_a_transcription_becomes_a_form():
    call = transcribe(
        {
            "file": URL,
            "language": "en",
            "temperature": 0.5,
            "response_format": "verbose_json",
            "timestamp_granularities": ["word", "segment"],
            "chunking_strategy": {"type": "server_vad", "threshold": 0.5},
            "prompt": None,
            "stream": False,
        }
    )
    assert call.url == "https://api.test/audio/transcriptions"
    assert form(call) == [
        ("model", None, b"whisper-1"),
        ("language", None, b"en"),
        ("temperature", None, b"0.5"),
        ("response_format", None, b"verbose_json"),
        ("timestamp_granularities[]", None, b"word"),
        ("timestamp_granularities[]", None, b"segment"),
        ("chunking_strategy[type]", None, b"server_vad"),
        ("chunking_strategy[threshold]", None, b"0.5"),
        ("file", "sound.mp3", SOUND),
    ]


def test_a_form_has_the_fields_that_openais_document_allows():
    schema = openai_schema("CreateTranscriptionRequest")
    if schema is None:
        pytest.skip("OpenAI's OpenAPI document is absent")
    body = {"file": URL, "language": "en", "prompt": "Ulm", "include": ["logprobs"], "response_format": "json"}
    fields = {}
    for name, _, content in form(transcribe(body)):
        text = content.decode("latin-1")
        fields[name.removesuffix("[]")] = [text] if name.endswith("[]") else text
    schema.validate(fields)


@given(
    st.binary(min_size=1),
    st.dictionaries(st.text(min_size=1).filter(lambda name: name not in {"file", "model", "stream"}), st.text()),
)
def test_the_same_request_makes_the_same_form_and_the_sound_arrives_as_it_was(sound, fields):
    fields.pop("response_format", None)
    body = {"file": f"data:audio/wav;base64,{b64encode(sound).decode()}", **fields}
    call = transcribe(body)
    assert isinstance(call, HttpCall)
    assert call == transcribe(body)
    assert call.body.count(call.headers[0][1].partition("boundary=")[2].encode()) == len(fields) + 3
    assert call.body.endswith(b"\r\n\r\n" + sound + b"\r\n--" + call.body.partition(b"\r\n")[0][2:] + b"--\r\n")


@pytest.mark.parametrize("name", ['a".mp3', "a\r\nX: y.mp3", "Ü.mp3"])
def test_no_file_name_ends_its_line(name):
    call = transcribe({"file": {"filename": name, "file_data": URL}})
    head = call.body[call.body.index(b'name="file"') :].split(b"\r\n")[0]
    assert head == b'name="file"; filename="%b"' % name.replace('"', "%22").replace("\r\n", "%0D%0A").encode()


def test_a_file_of_a_strange_type_needs_a_name_which_says_what_it_is():
    url = URL.replace("audio/mpeg", "application/octet-stream")
    assert isinstance(transcribe({"file": url}), Failure)
    assert form(transcribe({"file": {"filename": "talk.mp3", "file_data": url}}))[-1][1] == "talk.mp3"


@pytest.mark.parametrize(
    "file",
    ["", "talk.mp3", "data:audio/mpeg,abc", "data:audio/mpeg;base64,", "data:audio/mpeg;base64,?", 5, None, {}, []],
)
def test_what_is_no_sound_is_refused(file):
    got = transcribe({"file": file})
    assert isinstance(got, Failure)
    assert (got.code, got.given) == (Code.UNSUPPORTED_PARAMETER, "file")


@pytest.mark.parametrize("wanted", ["text", "srt", "vtt"])
def test_an_answer_that_would_be_no_json_is_refused(wanted):
    got = transcribe({"file": URL, "response_format": wanted})
    assert isinstance(got, Failure)
    assert "a reply's body is JSON" in got.expected


def test_what_a_route_overrides_is_in_the_form():
    call = transcribe({"file": URL, "language": "en"}, params=(("language", b'"de"'), ("prompt", b'"Ulm"')))
    assert ("language", None, b"de") in form(call)
    assert ("prompt", None, b"Ulm") in form(call)


# --- answers ----------------------------------------------------------------------------------------------------------

TEXT = {"text": "Hello."}
OF_TOKENS = {"type": "tokens", "input_tokens": 14, "output_tokens": 101, "total_tokens": 115}


@pytest.mark.parametrize(
    ("endpoint", "body", "tokens"),
    [
        (Endpoint.TRANSCRIPTIONS, {**TEXT, "usage": OF_TOKENS}, Tokens(input=14, output=101, input_audio=14)),
        (
            Endpoint.TRANSCRIPTIONS,
            {**TEXT, "usage": {**OF_TOKENS, "input_token_details": {"text_tokens": 10, "audio_tokens": 4}}},
            Tokens(input=14, output=101, input_audio=4),
        ),
        (Endpoint.TRANSCRIPTIONS, {**TEXT, "usage": {"type": "duration", "seconds": 9}}, Tokens(units=9)),
        (Endpoint.TRANSCRIPTIONS, {**TEXT, "usage": {"type": "duration", "seconds": 8.01}}, Tokens(units=9)),
        (Endpoint.TRANSCRIPTIONS, {**TEXT, "duration": 42.7}, Tokens(units=43)),
        (Endpoint.TRANSCRIPTIONS, {"text": ""}, None),
        (Endpoint.IMAGES, {"data": [{"url": "u"}, {"url": "v"}]}, Tokens(units=2)),
        (
            Endpoint.IMAGES,
            {"data": [{}], "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}},
            Tokens(input=5, output=7, units=1),
        ),
        (Endpoint.MODERATIONS, {"results": [{}]}, Tokens(units=1)),
        (Endpoint.MODERATIONS, {"results": [{}], "usage": {"prompt_tokens": 3}}, Tokens(input=3, units=1)),
        (Endpoint.RERANK, {"results": [], "usage": {"total_tokens": 9}}, Tokens(input=9)),
        (Endpoint.RERANK, {"results": [], "usage": {"prompt_tokens": 9}}, Tokens(input=9)),
        (Endpoint.RERANK, {"results": [], "usage": {"prompt_tokens": 0, "total_tokens": 9}}, Tokens(input=9)),
        (Endpoint.RERANK, {"results": [], "meta": {"billed_units": {"search_units": 2}}}, Tokens(units=2)),
        (Endpoint.RERANK, {"results": [], "usage": {"search_units": 1}}, Tokens(units=1)),
        (
            Endpoint.RERANK,
            {"results": [], "usage": {"search_units": 1, "total_tokens": 150}},
            Tokens(input=150, units=1),
        ),
        (Endpoint.RERANK, {"results": []}, None),
    ],
)
def test_what_was_used_is_told_in_tokens_or_units(endpoint, body, tokens):
    got = decode(endpoint, body, RERANK)
    assert isinstance(got, Completion)
    assert got.tokens == tokens


@pytest.mark.parametrize(
    ("body", "component"),
    [
        ({**TEXT, "usage": OF_TOKENS}, "CreateTranscriptionResponseJson"),
        ({**TEXT, "language": "english", "duration": 8.47}, "CreateTranscriptionResponseVerboseJson"),
    ],
)
def test_a_transcription_comes_back_as_it_was(body, component):
    got = decode(Endpoint.TRANSCRIPTIONS, body)
    assert json.loads(got.body) == body
    schema = openai_schema(component)
    if schema is None:
        pytest.skip("OpenAI's OpenAPI document is absent")
    schema.validate(json.loads(got.body))


@pytest.mark.parametrize("endpoint", BESIDE)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"{}", b'{"text": 5, "data": 5, "results": 5}'])
def test_a_200_that_cannot_be_used_is_a_failure(endpoint, body):
    got = decode(endpoint, body, RERANK)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.MALFORMED_RESPONSE


@pytest.mark.parametrize("endpoint", BESIDE)
def test_an_error_in_a_200_is_one(endpoint):
    body = {"error": {"message": "no", "code": "rate_limit_exceeded"}, "text": "x", "results": [{}], "data": [{}]}
    if endpoint is Endpoint.RERANK:
        body |= {"results": [], "data": []}
    got = decode(endpoint, body, RERANK)
    assert isinstance(got, Setback)
    assert got.failure.code is Code.RATE_LIMITED


@pytest.mark.parametrize("endpoint", [Endpoint.MODERATIONS, Endpoint.IMAGES])
def test_nothing_in_a_list_is_no_answer(endpoint):
    assert isinstance(decode(endpoint, {"results": [], "data": []}), Setback)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["results", "data", "text", "usage", "error", "meta", "index", "relevance_score", "seconds"])
ODD = st.dictionaries(WORDS, JSON | st.lists(st.dictionaries(WORDS, JSON)), max_size=4)


@given(st.sampled_from(BESIDE), st.integers(100, 599), st.binary() | ODD.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_and_none_but_a_200_complete(endpoint, status, body):
    got = FAMILY.decode(HttpReply(status, {}, body), asked(RERANK, endpoint), to("openai", "m"))
    assert isinstance(got, Setback) or status == 200


@given(st.sampled_from(BESIDE), st.dictionaries(st.sampled_from(["file", "query", "documents", "n"]), JSON))
def test_no_json_raises_when_it_is_encoded(endpoint, body):
    assert isinstance(FAMILY.encode(asked(body, endpoint), to("openai", "m")), HttpCall | Failure)


@pytest.mark.parametrize("endpoint", BESIDE)
def test_an_endpoint_that_a_row_does_not_list_is_refused(endpoint):
    target = to("openai", "m", service=Service(paths={Endpoint.CHAT: "/chat/completions"}))
    got = FAMILY.encode(asked({"file": URL, **RERANK}, endpoint), target)
    assert isinstance(got, Failure)
    assert got.code is Code.UNSUPPORTED_ENDPOINT


def test_data_that_names_a_document_that_was_not_sent_is_no_answer():
    got = decode(Endpoint.RERANK, {"data": [{"index": 2, "relevance_score": 0.5}]}, RERANK)
    assert isinstance(got, Setback)
