"""`python tests/sdks/judge_anthropic.py`, by an interpreter with Anthropic's SDK: its types judge the golden files.

What we send has to be what its request types say, and nothing beside; the answers that we read have to be its Messages.
"""

import json
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import anthropic.types
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import ConfigDict, TypeAdapter

Json = dict[str, typing.Any]
#: What Vertex calls the wire's version; the SDK says it itself only where the body does not.
VERTEX_VERSION = "vertex-2023-10-16"
#: Parameters of models before Claude Opus 4.7, which the wire's version 2026-10-21, and with it the SDK, has no more.
OLDER = {"temperature", "top_p", "top_k"}
GOLDEN = Path(__file__).parents[1] / "golden"


def strict() -> TypeAdapter[typing.Any]:
    """Return the request's type with unknown keys forbidden everywhere, which TypedDicts do not do themselves."""
    for name, module in list(sys.modules.items()):
        if name.startswith("anthropic.types"):
            for value in vars(module).values():
                if typing.is_typeddict(value) or getattr(value, "__total__", None) is not None:
                    value.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return TypeAdapter(MessageCreateParamsNonStreaming)


def looked_through(value: object) -> object:
    """Return a validated value with every lazy part of it read, for only then is it validated."""
    if isinstance(value, Mapping):
        return {key: looked_through(inner) for key, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [looked_through(inner) for inner in value]
    return value


def as_at_anthropic(family: str, body: Json, model: str) -> Json:
    """Take back what Vertex's client does to a body before it sends it, and what its types leave to `extra_body`."""
    if family == "vertex-anthropic":
        if "model" in body or body.pop("anthropic_version") != VERTEX_VERSION:
            raise ValueError(f"expected no model, for the URL names it, and the version {VERTEX_VERSION}")
        body["model"] = model
    return {name: value for name, value in body.items() if name not in OLDER}


def verdicts() -> Iterator[tuple[str, str | None]]:
    """Yield each judged thing, and what is wrong with it."""
    adapter = strict()
    for path in sorted(
        path for family in ("anthropic", "vertex-anthropic") for path in (GOLDEN / family).glob("*.json")
    ):
        facts, name = json.loads(path.read_bytes()), f"{path.parent.name}/{path.stem}"
        if "sent" in facts:
            yield f"{name} sent", wrong(lambda: sent(adapter, path.parent.name, facts))  # noqa: B023 - called at once
        if "came" in facts:
            yield f"{name} came", wrong(lambda: anthropic.types.Message.model_validate(facts["came"]["body"]))  # noqa: B023


def sent(adapter: TypeAdapter[typing.Any], family: str, facts: Json) -> None:
    """Judge a request: read through, it has to be what it was."""
    body = as_at_anthropic(family, dict(facts["sent"]["body"]), facts["model"])
    read = looked_through(adapter.validate_python(body))
    if read != body:
        raise ValueError(f"expected {body}, the SDK's types make {read} of it")


def wrong(check: typing.Callable[[], object]) -> str | None:
    """Return what is wrong, None if nothing."""
    try:
        check()
    except ValueError as error:  # pydantic's are
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
