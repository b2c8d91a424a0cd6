"""`python tests/sdks/judge_gemini.py`, by an interpreter that has google-genai: its own types judge the golden files.

They forbid unknown fields. What we send has to be made of them; the answers that we read have to be its responses. An
enum's value that the SDK does not know is only a warning there, and an error here.
"""

import json
import sys
import typing
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from google.genai import types
from pydantic import TypeAdapter

GOLDEN = Path(__file__).parents[1] / "golden"
Json = dict[str, typing.Any]
#: What stands where in a body of generateContent.
PARTS: dict[str, TypeAdapter[typing.Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "generationConfig": TypeAdapter(types.GenerationConfig),
    "serviceTier": TypeAdapter(types.ServiceTier),
    "labels": TypeAdapter(dict[str, str]),
}
#: And in one request of batchEmbedContents.
EMBED: dict[str, TypeAdapter[typing.Any]] = {
    "model": TypeAdapter(str),
    "content": TypeAdapter(types.Content),
    "outputDimensionality": TypeAdapter(int),
}


def judged(body: Json, parts: dict[str, TypeAdapter[typing.Any]]) -> None:
    """Judge each part by its type; a field that has none is wrong."""
    for name, value in body.items():
        if name not in parts:
            raise ValueError(f"expected one of {', '.join(parts)}, came {name}")
        parts[name].validate_python(value)


def sent(body: Json) -> None:
    """Judge a request."""
    if "requests" not in body:
        judged(body, PARTS)
    for each in body.get("requests", ()):
        judged(each, EMBED)


def came(body: Json) -> None:
    """Judge an answer."""
    kind = types.EmbedContentResponse if "embeddings" in body else types.GenerateContentResponse
    kind.model_validate(body)


def verdicts() -> Iterator[tuple[str, str | None]]:
    """Yield each judged thing, and what is wrong with it."""
    for path in sorted(path for family in ("gemini", "vertex") for path in (GOLDEN / family).glob("*.json")):
        facts, name = json.loads(path.read_bytes()), f"{path.parent.name}/{path.stem}"
        for part, judge in (("sent", sent), ("came", came)):
            if part in facts:
                yield f"{name} {part}", wrong(judge, facts[part]["body"])


def wrong(judge: Callable[[Json], None], body: Json) -> str | None:
    """Return what is wrong, None if nothing."""
    try:
        judge(body)
    except (ValueError, UserWarning) as error:  # pydantic's are the former
        return str(error)
    return None


def main() -> int:
    """Print the verdicts; exit status 1 if any is bad."""
    warnings.simplefilter("error", UserWarning)
    found = list(verdicts())
    for name, error in found:
        sys.stdout.write(f"{'ok ' if error is None else 'BAD'} {name}{'' if error is None else ': ' + error}\n")
    return int(not found or any(error for _, error in found))


if __name__ == "__main__":
    sys.exit(main())
