"""`python tests/sdks/judge_cohere.py`, by an interpreter with Cohere's SDK: it judges the golden files.

What we send has to be what its client sends when it is called with the same, of its types, and nothing beside; the
answers that we read have to be what its client reads. It is written for cohere 7.3.
"""

import inspect
import json
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cohere
import httpx
from cohere.v2.client import V2Client
from pydantic import BaseModel, TypeAdapter

Json = dict[str, typing.Any]
GOLDEN = Path(__file__).parents[1] / "golden" / "cohere"
METHODS = {"/v1/chat/completions": "chat", "/v1/embeddings": "embed", "/v1/rerank": "rerank"}
#: What an answer is that nobody looks at, for requests without one.
ANY = {
    "chat": {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant"}},
    "embed": {"id": "1", "embeddings": {}},
    "rerank": {"results": []},
}


class Wire:
    """A client of the SDK, whose calls are kept and answered from a file."""

    def __init__(self, answer: Json) -> None:
        self.sent: list[httpx.Request] = []
        self.answer = answer
        client = httpx.Client(transport=httpx.MockTransport(self._answered))
        self.client = cohere.ClientV2(api_key="sk-judge", httpx_client=client)

    def _answered(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, json=self.answer)


def verdicts() -> Iterator[tuple[str, str | None]]:
    """Yield each judged thing, and what is wrong with it."""
    for path in sorted(GOLDEN.glob("*.json")):
        facts = json.loads(path.read_bytes())
        if "sent" in facts:
            yield f"cohere/{path.stem} sent", wrong(lambda: sent(facts))  # noqa: B023 - called at once
        if "came" in facts:
            yield f"cohere/{path.stem} came", wrong(lambda: came(facts))  # noqa: B023 - called at once


def sent(facts: Json) -> None:
    """Judge a request: by the types of the client's parameters, and by what the client makes of it."""
    method, body = METHODS[facts["endpoint"]], facts["sent"]["body"]
    for name, parameter in inspect.signature(getattr(V2Client, method)).parameters.items():
        if name in body:
            unknown(TypeAdapter(parameter.annotation).validate_python(body[name]), name)
    wire = Wire(ANY[method])
    getattr(wire.client, method)(**body)
    (request,) = wire.sent
    if request.method != "POST" or str(request.url) != facts["sent"]["url"]:
        raise ValueError(f"expected POST {facts['sent']['url']}, the SDK does {request.method} {request.url}")
    theirs = {name: value for name, value in json.loads(request.content).items() if name != "stream"}
    if theirs != body:
        raise ValueError(f"expected {body}, the SDK sends {theirs}")


def came(facts: Json) -> None:
    """Judge an answer: the client reads it, and knows all of it."""
    method = METHODS[facts["endpoint"]]
    wire = Wire(facts["came"]["body"])
    read = getattr(wire.client, method)(**facts["sent"]["body"])
    unknown(type(read).model_validate(facts["came"]["body"]), method)
    unknown(read, method)


def unknown(value: object, where: str) -> None:
    """Raise `ValueError` if there is anything in a value that the SDK's types do not have."""
    if isinstance(value, BaseModel):
        if value.model_extra:
            raise ValueError(f"{where}: unknown {', '.join(value.model_extra)}")
        for name in type(value).model_fields:
            unknown(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            unknown(inner, f"{where}.{name}")
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for at, inner in enumerate(value):
            unknown(inner, f"{where}[{at}]")


def wrong(check: typing.Callable[[], object]) -> str | None:
    """Return what is wrong, None if nothing."""
    try:
        check()
    except (ValueError, TypeError) as error:  # pydantic's are the one, a client's unknown parameters the other
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
