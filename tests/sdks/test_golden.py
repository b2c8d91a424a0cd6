"""No golden file is without a judge, unless nobody has one."""

from golden import GOLDEN

JUDGED = {"anthropic", "vertex-anthropic", "gemini", "vertex", "bedrock-converse", "openai", "azure-openai", "cohere"}
WITHOUT = {
    "voyage": "its client has no types of requests, and brings half of a machine-learning stack",
    "jina": "it has no client",
}


def test_every_family_has_a_judge():
    assert {path.name for path in GOLDEN.iterdir() if path.is_dir()} <= JUDGED | WITHOUT.keys()
