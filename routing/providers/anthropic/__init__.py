"""The wire of Anthropic's Messages, at Anthropic and on Vertex."""

from typing import Final

from ..family import Family
from .decode import decode
from .encode import encode, encode_for_vertex
from .paths import PATHS, VERTEX_PATHS

FAMILY: Final = Family(encode, decode, PATHS, choices=1)
ON_VERTEX: Final = Family(encode_for_vertex, decode, VERTEX_PATHS, choices=1)
