"""What a wire family is: two pure functions between OpenAI's wire and the provider's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Endpoint, Request
from ..http import HttpCall, HttpReply
from ..outcome import Completion, Setback
from ..target import Target

Encode = Callable[[Request, Target], HttpCall | Failure]
Decode = Callable[[HttpReply, Request, Target], Completion | Setback]
#: Says of a base URL and a query what is wrong with them, as `place: expected …, got …`; None: nothing.
Problem = Callable[[str, Mapping[str, str]], str | None]


@dataclass(frozen=True, slots=True)
class Family:
    """A dialect of HTTP and JSON.

    `encode` makes the call, without credential, or says what the target cannot honour. `decode` reads what came back:
    the body of a `Completion` is OpenAI-shaped, and what is not understood is a `Setback`.
    """

    encode: Encode
    decode: Decode
    #: What follows the base URL, by endpoint, where the provider's row does not say otherwise.
    paths: Mapping[Endpoint, str]
    #: What has to be right about an address, beside its having a host.
    problem: Problem = lambda _base_url, _query: None
    #: The most choices that one chat call can make; None: as many as OpenAI's.
    choices: int | None = None


def url_of(request: Request, target: Target, paths: Mapping[Endpoint, str], model: str) -> str | Failure:
    """Return where a call goes; `paths` are the family's own, `model` is URL-encoded for paths that name it."""
    known = paths if target.service.paths is None else target.service.paths
    path = known.get(request.endpoint)
    if path is None:
        served = ", ".join(sorted(known)) or "none"
        return failure(
            Code.UNSUPPORTED_ENDPOINT, expected=f"an endpoint of {target.provider}: {served}", given=request.endpoint
        )
    path = path.replace("{model}", model)
    url = path if path.startswith(("http://", "https://")) else target.base_url + path
    query = "&".join(f"{name}={value}" for name, value in target.service.query)
    return f"{url}?{query}" if query else url
