"""All wire families, by the name that a provider's `wire` says."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from . import anthropic, azure, bedrock, gemini, openai
from .family import Family

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "openai": openai.FAMILY,
        "azure-openai": azure.FAMILY,
        "anthropic": anthropic.FAMILY,
        "gemini": gemini.FAMILY,
        "vertex": gemini.ON_VERTEX,
        "vertex-anthropic": anthropic.ON_VERTEX,
        "bedrock-converse": bedrock.FAMILY,
    }
)
