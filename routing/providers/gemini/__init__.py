"""The wire of Gemini's generateContent, on the Gemini API and on Vertex."""

from typing import Final

from ..family import Family
from .config import MOST_CHOICES
from .decode import decode
from .encode import encode, encode_for_vertex
from .paths import PATHS, VERTEX_PATHS

FAMILY: Final = Family(encode, decode, PATHS, choices=MOST_CHOICES)
ON_VERTEX: Final = Family(encode_for_vertex, decode, VERTEX_PATHS, choices=MOST_CHOICES)
