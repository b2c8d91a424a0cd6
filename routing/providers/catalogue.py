"""The providers that are known by id, so that a config needs to give a credential only."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """One provider: its wire family, its base URL, and where the URL is documented."""

    wire: str
    base_url: str
    source: str


CATALOGUE: Final[Mapping[str, Row]] = MappingProxyType(
    {"openai": Row("openai", "https://api.openai.com/v1", "https://platform.openai.com/docs/api-reference")}
)

#: The provider simulator's id: in reports it must never look like a real provider.
SIMULATOR: Final = "simulator"
