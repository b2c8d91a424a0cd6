"""How many equal calls an attempt is made of, and what each is taken to use: more than one where `n` is emulated."""

import msgspec

from ..schemas.reply import Tokens
from ..schemas.request import Endpoint, Request
from .estimate import estimated_tokens
from .providers.body import as_sent
from .target import Target
from .tokens.weigh import weigh


def twins_at(target: Target, request: Request, choices: int) -> int:
    """Return how many calls an attempt is made of, of a request for so many choices."""
    return target.service.twins(choices) if request.endpoint is Endpoint.CHAT else 1


def calls_at(request: Request, target: Target) -> int:
    """Return how many calls an attempt at a request is made of."""
    if target.service.fan_out_over is None:
        return 1
    return twins_at(target, request, weigh(as_sent(request, target)).choices)


def estimated_calls(request: Request, target: Target) -> tuple[Tokens, int]:
    """Estimate the tokens of each of an attempt's equal calls, and say how many these are."""
    sent = as_sent(request, target)
    tokens = estimated_tokens(sent)
    if target.service.fan_out_over is None:
        return tokens, 1
    twins = twins_at(target, request, weigh(sent).choices)
    return msgspec.structs.replace(tokens, output=tokens.output // twins), twins
