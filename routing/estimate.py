"""What an attempt may have cost when nobody can say: an estimate, never zero."""

from typing import Final

from ..schemas.reply import Tokens
from ..schemas.request import Request

#: English prose has about 4.4 UTF-8 bytes per token with the vocabularies of 2024 and later; JSON and other languages
#: have fewer, so this leans towards too much.
_BYTES_PER_TOKEN: Final = 3
#: Output tokens where the request sets no limit.
_USUAL_OUTPUT: Final = 512


def estimated_tokens(request: Request) -> Tokens:
    """Estimate an attempt's tokens from above: input from the body's bytes, output from the limit it sets."""
    return Tokens(input=-(-len(request.body) // _BYTES_PER_TOKEN), output=request.max_output or _USUAL_OUTPUT)
