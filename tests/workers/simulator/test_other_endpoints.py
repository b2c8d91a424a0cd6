"""OpenAI's endpoints that do not answer in words, by the official client and OpenAI's own document."""

import base64

import openai
import pytest


async def test_moderations_judge_every_text(client, openapi, simulator):
    raw = await client.moderations.with_raw_response.create(model="omni-moderation-latest", input=["one", "two"])
    openapi("CreateModerationResponse", raw.http_response.json())
    said = raw.parse()
    assert [result.flagged for result in said.results] == [False, False]
    assert said.results[0].category_scores != said.results[1].category_scores
    [entry] = simulator.books.entries()
    assert (entry.endpoint, entry.input_tokens, entry.units) == ("/v1/moderations", 0, 1)


async def test_parts_of_one_input_are_judged_as_one(client):
    parts = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {"url": "https://a.test/a.png"}}]
    said = await client.moderations.create(model="omni-moderation-latest", input=parts)
    assert len(said.results) == 1


async def test_images_are_pictures(client, openapi, simulator):
    raw = await client.images.with_raw_response.generate(model="gpt-image-1", prompt="a lock", n=2, quality="high")
    openapi("ImagesResponse", raw.http_response.json())
    said = raw.parse()
    assert [base64.b64decode(image.b64_json)[:8] for image in said.data] == [b"\x89PNG\r\n\x1a\n"] * 2
    [entry] = simulator.books.entries()
    assert (entry.input_tokens, entry.output_tokens, entry.units) == (2, 2 * 4160, 2)
    assert said.usage.total_tokens == entry.input_tokens + entry.output_tokens


async def test_sound_is_transcribed(client, openapi, simulator):
    raw = await client.audio.transcriptions.with_raw_response.create(
        model="gpt-4o-transcribe", file=("a.mp3", b"x" * 32_000), prompt="four"
    )
    openapi("CreateTranscriptionResponseJson", raw.http_response.json())
    said = raw.parse()
    assert said.text
    [entry] = simulator.books.entries()
    assert (entry.input_tokens, entry.output_tokens) == (21, said.usage.output_tokens)
    assert said.usage.input_tokens == 21


async def test_whisper_is_billed_by_the_second(client, openapi, simulator):
    raw = await client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=("a.mp3", b"x" * 32_000))
    openapi("CreateTranscriptionResponseJson", raw.http_response.json())
    [entry] = simulator.books.entries()
    assert (entry.input_tokens, entry.output_tokens, entry.units) == (0, 0, 2)
    assert raw.http_response.json()["usage"] == {"type": "duration", "seconds": 2}


@pytest.mark.parametrize("sound", [b"x", b"y" * 5000, b"\x00\r\n--\r\n\xff"])
async def test_the_same_sound_says_the_same(client, connect, simulator, sound):
    form = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\n'
    form += b'content-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + sound + b"\r\n--b--\r\n"
    async with connect(simulator.address) as raw:
        one, same = [
            await raw.ask("POST", "/v1/audio/transcriptions", form, content_type="multipart/form-data; boundary=b")
            for _ in range(2)
        ]
    assert one.status == 200
    assert one.body == same.body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data", b"\xff\xfe"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--b--'),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(simulator, connect, openapi, content_type, body):
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/audio/transcriptions", body, content_type=content_type)
    assert got.status == 400
    openapi("ErrorResponse", got.json)


async def test_what_is_missing_is_named(client):
    for call, param in (
        (client.images.generate(model="m", prompt=""), "prompt"),
        (client.moderations.create(model="m", input=""), "input"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await call
        assert caught.value.param == param


async def test_reranks_of_openais_wire_have_jinas_shape(simulator, connect):
    body = {"model": "m", "query": "Why?", "documents": ["Because.", "No."], "top_n": 1}
    async with connect(simulator.address) as raw:
        got = await raw.ask("POST", "/v1/rerank", body)
    [result] = got.json["results"]
    assert result["document"] == {"text": body["documents"][result["index"]]}
    [entry] = simulator.books.entries()
    assert entry.input_tokens == got.json["usage"]["total_tokens"] == (1 + 2) + (1 + 1)
