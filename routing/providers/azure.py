"""Azure's OpenAI: OpenAI's wire, in which the model's name is the name of a deployment, at two kinds of addresses.

- The present one, `https://RESOURCE.openai.azure.com/openai/v1`: paths as at OpenAI, the deployment in the body.
- The dated one, any base URL that does not end with `/v1`: the query has an `api-version`, and of most endpoints the
  path has the deployment, `/openai/deployments/NAME/chat/completions`.

What Azure's filters say of a prompt or an answer stays in the answer as it came; a prompt that they stop is an error
with the code `content_filter`.

Sources: learn.microsoft.com, "Azure OpenAI REST API reference" and "API version lifecycle"; the openai SDK 3.54,
lib/azure.py, for the endpoints that have the deployment in their path.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from ...schemas.failures import Failure
from ...schemas.request import Endpoint, Request
from ..http import HttpCall
from ..target import Target
from . import openai
from .family import Family, url_of

_VERSION: Final = "api-version"
#: Paths at OpenAI that a deployment stands before.
_WITH_DEPLOYMENT: Final = frozenset(
    {"/chat/completions", "/embeddings", "/audio/transcriptions", "/images/generations"}
)


def encode(request: Request, target: Target) -> HttpCall | Failure:
    """Make the call: OpenAI's, where Azure has it."""
    if not _is_dated(target.base_url):
        return openai.encode(request, target)
    model = quote(target.upstream_model, safe="")
    there = replace(target, base_url=_dated_base(target.base_url, model, request.endpoint))
    return openai.encode_at(url_of(request, there, openai.FAMILY.paths, model), request, target)


def problem(base_url: str, query: Mapping[str, str]) -> str | None:
    """Say what is wrong with how the config addresses a resource, after its place; None: nothing."""
    if not _is_dated(base_url) or _VERSION in query:
        return None
    return f"query: expected {_VERSION}, or a base_url that ends with /openai/v1, got neither"


def _is_dated(base_url: str) -> bool:
    return not base_url.endswith("/v1")


@lru_cache(maxsize=1_024)
def _dated_base(base_url: str, model: str, endpoint: Endpoint) -> str:
    """Return what the endpoint's path follows. A base URL goes as far as the resource, `/openai`, or the deployment."""
    root, named, _ = base_url.partition("/deployments/")
    root = root if root.endswith("/openai") else f"{root}/openai"
    if openai.FAMILY.paths.get(endpoint) not in _WITH_DEPLOYMENT:
        return root
    return base_url if named else f"{root}/deployments/{model}"


FAMILY: Final = Family(encode, openai.decode, openai.FAMILY.paths, problem)
