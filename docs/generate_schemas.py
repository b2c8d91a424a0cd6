"""Write docs/schemas/*.json: `python docs/generate_schemas.py`. A test holds the files to what this writes."""

import json
from pathlib import Path

from headgate.schemas.json_schemas import SCHEMAS, Schema

_DIRECTORY = Path(__file__).parent / "schemas"


def text_of(schema: Schema) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, make in SCHEMAS.items():
        (_DIRECTORY / f"{name}.json").write_text(text_of(make()), encoding="utf-8")
        print(f"docs/schemas/{name}.json")
