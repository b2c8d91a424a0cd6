"""The wire of Cohere's API, version 2: chat, embed and rerank."""

from typing import Final

from ..family import Family
from .decode import decode
from .encode import encode
from .paths import PATHS

FAMILY: Final = Family(encode, decode, PATHS, choices=1)
