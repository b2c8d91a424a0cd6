"""`boto3`: the client of bedrock-runtime, with AWS's signature, and botocore's own check of what comes back."""

import json

import boto3
import pytest
from asked import LONG, SCHEMA, TOOL
from botocore.config import Config
from botocore.exceptions import ClientError
from shapes import converse as converse_shape
from shapes import known

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Why?"}]}]
ERRORS = {
    "429": "ThrottlingException",
    "500": "InternalServerException",
    "503": "ServiceUnavailableException",
    "400": "ValidationException",
    "403": "AccessDeniedException",
    "404": "ResourceNotFoundException",
    "quota": "ServiceQuotaExceededException",
}


def client_of(simulator, key="AKIAANY"):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=simulator.url,
        region_name="eu-central-1",
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def client(simulator):
    made = client_of(simulator)
    yield made
    made.close()


def converse(client, **body):
    """Return an answer; it has to be made of what the service's model knows, and of nothing else."""
    raw = []
    client.meta.events.register(
        "before-parse.bedrock-runtime.Converse", lambda response_dict, **_: raw.append(response_dict)
    )
    said = client.converse(**{"modelId": MODEL, "messages": MESSAGES, **body})
    known(converse_shape().output_shape, json.loads(raw[-1]["body"]))
    return said


def test_an_answer(client, simulator):
    said = converse(client, messages=[{"role": "user", "content": [{"text": LONG}]}], system=[{"text": "Be brief."}])
    [block] = said["output"]["message"]["content"]
    assert (said["stopReason"], bool(block["text"])) == ("end_turn", True)
    booked, usage = simulator.last(), said["usage"]
    assert booked["model"] == MODEL
    assert usage["inputTokens"] + usage["cacheReadInputTokens"] == booked["input_tokens"]
    assert (usage["cacheReadInputTokens"], usage["outputTokens"]) == (
        booked["cached_tokens"],
        booked["output_tokens"],
    )
    assert said["ResponseMetadata"]["RequestId"] == booked["request_id"]


def test_a_prompt_that_is_written_to_a_cache(client, simulator):
    content = [{"text": LONG}, {"cachePoint": {"type": "default"}}]
    usage = converse(client, messages=[{"role": "user", "content": content}])["usage"]
    booked = simulator.last()
    assert usage["cacheWriteInputTokens"] == booked["cache_write_tokens"] > 0
    read = usage["cacheWriteInputTokens"] + usage["cacheReadInputTokens"]
    assert usage["inputTokens"] + read == booked["input_tokens"]


def test_thoughts(client):
    more = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    said = converse(client, additionalModelRequestFields=more)
    thought, text = said["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["signature"]
    assert text["text"]
    again = [*MESSAGES, said["output"]["message"], {"role": "user", "content": [{"text": "And?"}]}]
    assert converse(client, messages=again)["stopReason"] == "end_turn"


def test_a_tool(client):
    tools = [{"toolSpec": {**TOOL, "inputSchema": {"json": SCHEMA}}}]
    said = converse(client, toolConfig={"tools": tools, "toolChoice": {"any": {}}})
    [block] = said["output"]["message"]["content"]
    use = block["toolUse"]
    assert (said["stopReason"], use["name"], set(use["input"])) == ("tool_use", "look_up", {"answer", "sure"})
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "It is open."}]}}
    again = [*MESSAGES, said["output"]["message"], {"role": "user", "content": [result]}]
    assert converse(client, messages=again, toolConfig={"tools": tools})["stopReason"] == "end_turn"


def test_json(client):
    structure = {"jsonSchema": {"name": "a", "schema": json.dumps(SCHEMA)}}
    said = converse(client, outputConfig={"textFormat": {"type": "json_schema", "structure": structure}})
    assert set(json.loads(said["output"]["message"]["content"][0]["text"])) == {"answer", "sure"}


def test_an_answer_that_is_cut(client):
    said = converse(client, inferenceConfig={"maxTokens": 3})
    assert (said["stopReason"], said["usage"]["outputTokens"]) == ("max_tokens", 3)


def test_a_prompt_that_is_blocked(client, simulator):
    said = converse(client, requestMetadata={"simulate": "content_filter"})
    assert said["stopReason"] == "guardrail_intervened"
    assert simulator.last()["billed"]


@pytest.mark.parametrize("fault", ERRORS)
def test_errors(client, fault):
    with pytest.raises(ClientError) as caught:
        converse(client, requestMetadata={"simulate": fault})
    assert caught.value.response["Error"]["Code"] == ERRORS[fault]
    assert type(caught.value).__name__ == ERRORS[fault]
    assert caught.value.response["Error"]["Message"]


def test_a_model_that_is_an_address(client, simulator):
    model = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert converse(client, modelId=model)["stopReason"] == "end_turn"
    assert simulator.last()["model"] == model


def test_a_wrong_key(guarded):
    wrong, right = client_of(guarded, "AKIAWRONG"), client_of(guarded, "sk-shown")
    with pytest.raises(ClientError) as caught:
        converse(wrong)
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    assert converse(right)["stopReason"] == "end_turn"
    wrong.close()
    right.close()
