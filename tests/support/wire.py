"""Requests and targets for the wire families, and OpenAI's own document as a judge of what they make."""

import functools
import json
from pathlib import Path

from headgate.routing.http import HttpReply
from headgate.routing.service import Service
from headgate.routing.target import Target
from headgate.schemas.request import Endpoint, Request
from headgate.schemas.topics import Lane

OPENAPI = Path(__file__).parents[2].parent / "shared" / "providers" / "openai_openapi.json"


def asked(body, endpoint=Endpoint.CHAT):
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(
        "r1", endpoint, "small", value, "local", Lane.STANDARD, "headgate.replies.default", 10**13, 1_764_000_000_000
    )


def to(wire, model, *, drop=(), base_url="https://api.test", provider=None, service=None, **changes):
    service = service or Service(drop=frozenset(drop))
    return Target("d", provider or wire, model, wire, base_url, 60.0, service=service, **changes)


def came(body, status=200, **headers):
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, value)


@functools.cache
def openai_schema(component):
    """Return a validator of one component of OpenAI's document; None where the document is absent."""
    if not OPENAPI.exists():
        return None
    import jsonschema_rs  # noqa: PLC0415 - only where there is something to check

    document = json.loads(OPENAPI.read_bytes())
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{component}", "components": document["components"]}
    )
