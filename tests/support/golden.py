"""Golden files: for each wire family, what becomes of a request on its way, and of the answer on its way back."""

import json
from pathlib import Path

from headgate.routing.service import Service
from headgate.schemas.request import Endpoint
from support.wire import asked, came, to

GOLDEN = Path(__file__).parents[1] / "golden"
#: Where the families' providers are, up to what a family adds.
BASES = {
    "anthropic": "https://api.anthropic.com/v1",
    "cohere": "https://api.cohere.com/v2",
    "voyage": "https://api.voyageai.com/v1",
    "jina": "https://api.jina.ai/v1",
    "openai": "https://api.openai.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "vertex": "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/google/models",
    "azure-openai": "https://res.openai.azure.com/openai/v1",
    "bedrock-converse": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "vertex-anthropic": "https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models",
}


class Golden:
    """One file."""

    def __init__(self, path):
        self.family = path.parent.name
        self.name = f"{self.family}-{path.stem}"
        self.facts = json.loads(path.read_bytes())
        self.endpoint = Endpoint(self.facts["endpoint"])

    @property
    def request(self):
        return asked(self.facts["request"], self.endpoint)

    @property
    def target(self):
        facts = self.facts
        query = tuple(facts.get("query", {}).items())
        service = Service(drop=frozenset(facts["drop"]), options=facts.get("options", {}), query=query)
        base_url = facts.get("base_url", BASES[self.family])
        return to(self.family, facts["model"], service=service, base_url=base_url)

    @property
    def reply(self):
        return came(self.facts["came"]["body"], **self.facts["came"]["headers"])


def golden(*families):
    files = (path for family in families for path in sorted((GOLDEN / family).glob("*.json")))
    return [Golden(path) for path in files]
