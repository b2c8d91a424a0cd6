"""The wire of Amazon Bedrock's Converse: one API for the models of many makers."""

from typing import Final

from ..family import Family
from .decode import decode
from .encode import encode
from .paths import PATHS

FAMILY: Final = Family(encode, decode, PATHS, choices=1)
