"""What the clients ask: the same of everyone."""

LONG = "Why is the lock closed? " * 300
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 40}, "sure": {"type": "boolean"}},
    "required": ["answer", "sure"],
    "additionalProperties": False,
}
TOOL = {"name": "look_up", "description": "Look it up."}
#: Each fault, and the status that it has on every wire that has no other.
FAULTS = {"429": 429, "500": 500, "503": 503, "400": 400, "401": 401, "403": 403, "404": 404}


def simulate(script: str) -> dict[str, str]:
    """Return the header that asks for faults."""
    return {"x-headgate-simulate": script}
