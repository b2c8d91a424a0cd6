"""Gemini's methods, on the Gemini API and on Vertex, where generateContent is the same at another path.

Sources: Google's reference, "Generating content" and "Embeddings", and its SDK google-genai 3.6, whose types judge what
is written here.
"""

from typing import Final

from ..wire import Operation, Wire, identified_by
from .embeddings import answer_batch, answer_embed
from .errors import refuse
from .generate import answer_generate

WIRE: Final = Wire(refuse, identified_by("x-goog-request-id"), (b"x-goog-api-key", b"authorization"))
_VERTEX: Final = "/projects/{project}/locations/{location}/publishers/google"
OPERATIONS: Final = (
    *(
        Operation(f"{root}/models/{{model}}:generateContent", WIRE, answer_generate)
        for root in ("/v1beta", "/v1", f"/v1{_VERTEX}", f"/v1beta1{_VERTEX}")
    ),
    *(
        Operation(f"{root}/models/{{model}}:{method}", WIRE, answer)
        for root in ("/v1beta", "/v1")
        for method, answer in (("embedContent", answer_embed), ("batchEmbedContents", answer_batch))
    ),
)
