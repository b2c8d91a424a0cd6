"""All wire families, by the name that a provider's `wire` says."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from . import anthropic, azure, bedrock, cohere, gemini, jina, openai, voyage
from .family import Family

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "openai": openai.FAMILY,
        "azure-openai": azure.FAMILY,
        "anthropic": anthropic.FAMILY,
        "cohere": cohere.FAMILY,
        "gemini": gemini.FAMILY,
        "voyage": voyage.FAMILY,
        "jina": jina.FAMILY,
        "vertex": gemini.ON_VERTEX,
        "vertex-anthropic": anthropic.ON_VERTEX,
        "bedrock-converse": bedrock.FAMILY,
    }
)
