"""`python tests/sdks/judge_bedrock.py`, by an interpreter with boto3: botocore's service model judges the golden files.

What we send has to be what its client would send for the same parameters, path and body; beside the types, which its
validator holds it to, every word has to be one of the model's, and every text to fit its pattern. The answers that we
read have to be its answers, and its parser has to find in them what we do.
"""

import json
import re
import sys
import typing
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import botocore.parsers
import botocore.serialize
import botocore.session
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

Json = dict[str, typing.Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "bedrock-converse"
PROTOCOL = "rest-json"


def converse() -> OperationModel:
    """Return what botocore knows of the operation."""
    return botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse")


def native(shape: Shape, value: typing.Any, where: str = "") -> typing.Any:
    """Return JSON as boto3's users write it: bytes for Base64. Raises `ValueError` for what has no place there."""
    if shape.type_name == "structure":
        return value if shape.is_document_type else native_structure(shape, value, where)
    match shape.type_name:
        case "list":
            return [native(shape.member, inner, f"{where}[{at}]") for at, inner in enumerate(value)]
        case "map":
            return {fitting(shape.key, key, where): native(shape.value, inner, where) for key, inner in value.items()}
        case "blob":
            return b64decode(value, validate=True)
        case "string":
            return fitting(shape, value, where)
        case _:
            return value


def native_structure(shape: Shape, value: Json, where: str) -> Json:
    """Return an object's members; of a union there is one."""
    unknown = value.keys() - shape.members.keys()
    if unknown or (shape.is_tagged_union and len(value) != 1):
        raise ValueError(f"{where}: expected members of {shape.name}, got {sorted(value)}")
    return {name: native(shape.members[name], inner, f"{where}.{name}") for name, inner in value.items()}


def fitting(shape: Shape, value: str, where: str) -> str:
    """Return a text that is one of its shape's words, or fits its pattern."""
    if shape.enum and value not in shape.enum:
        raise ValueError(f"{where}: expected one of {shape.enum}, got {value!r}")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        raise ValueError(f"{where}: expected {pattern}, got {value!r}")
    return value


def valid(shape: Shape, params: Json) -> None:
    """Hold parameters to their types, lengths and what has to be there."""
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise ValueError(report.generate_report())


def sent(operation: OperationModel, facts: Json) -> None:
    """Judge a request: botocore has to make the same of its parameters."""
    said = facts["sent"]
    params = {"modelId": facts["model"], **native(operation.input_shape, said["body"])}
    fitting(operation.input_shape.members["modelId"], facts["model"], "modelId")
    valid(operation.input_shape, params)
    made = botocore.serialize.create_serializer(PROTOCOL).serialize_to_request(params, operation)
    same("path", made["url_path"], urlsplit(said["url"]).path)
    same("body", json.loads(made["body"]), said["body"])
    same("type", made["headers"]["Content-Type"], said["headers"]["Content-Type"])


def came(operation: OperationModel, facts: Json) -> None:
    """Judge an answer: it has to be one, and say what we say that it says."""
    given = facts["came"]
    native(operation.output_shape, given["body"])
    reply = {"status_code": 200, "headers": given["headers"], "body": json.dumps(given["body"]).encode()}
    answer = botocore.parsers.create_parser(PROTOCOL).parse(reply, operation.output_shape)
    same("request id", answer.pop("ResponseMetadata")["RequestId"], facts["answer"]["request_id"])
    valid(operation.output_shape, answer)
    message = facts["answer"]["body"]["choices"][0]["message"]
    blocks = answer["output"]["message"]["content"]
    same("content", "".join(texts(blocks)) or None, message["content"])
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    same("calls", [each["input"] for each in calls], [json.loads(each) for each in arguments(message)])
    usage, tokens = answer["usage"], facts["answer"]["tokens"]
    whole = usage["inputTokens"] + usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    same("tokens", (whole, usage["outputTokens"]), (tokens["input"], tokens["output"]))


def texts(blocks: list[Json]) -> Iterator[str]:
    """Yield what is said in blocks, in order."""
    for block in blocks:
        yield block.get("text", "")
        yield from (each["text"] for each in block.get("citationsContent", {}).get("content", []))


def arguments(message: Json) -> list[str]:
    """Return the arguments of all calls of a message."""
    return [call["function"]["arguments"] for call in message.get("tool_calls", [])]


def same(what: str, theirs: object, ours: object) -> None:
    """Raise `ValueError` where two are not the same."""
    if theirs != ours:
        raise ValueError(f"{what}: botocore has {theirs!r}, we have {ours!r}")


def verdicts() -> Iterator[tuple[str, str | None]]:
    """Yield each judged thing, and what is wrong with it."""
    operation = converse()
    for path in sorted(GOLDEN.glob("*.json")):
        facts = json.loads(path.read_bytes())
        for word, judge in (("sent", sent), ("came", came)):
            if word in facts:
                yield f"{path.stem} {word}", wrong(judge, operation, facts)


def wrong(judge: Callable[[OperationModel, Json], None], operation: OperationModel, facts: Json) -> str | None:
    """Return what is wrong, None if nothing."""
    try:
        judge(operation, facts)
    except ValueError as error:  # that of Base64 is one too
        return str(error)
    return None


def main() -> int:
    """Print the verdicts; exit status 1 if any is bad."""
    found = list(verdicts())
    for name, error in found:
        sys.stdout.write(f"{'ok ' if error is None else 'BAD'} {name}{'' if error is None else ': ' + error}\n")
    return int(not found or any(error for _, error in found))


if __name__ == "__main__":
    sys.exit(main())
